-- A nonce that a mined transaction used is closed for all transactions that were signed under it, open or not.

CREATE INDEX attempts_of_nonce ON attempts (signer, eoa_nonce);
