-- All that was ever claimed of a wallet, in minor units of the token: claims of one wallet meet here, so that its balance is promised once. It only
-- grows; what of it is still open is asked of the payments themselves.
CREATE TABLE wallet_claims (
    chain_id      BIGINT NOT NULL,
    asset         word NOT NULL,
    wallet        word NOT NULL,
    claimed_minor BIGINT NOT NULL CHECK (claimed_minor > 0),
    PRIMARY KEY (chain_id, asset, wallet)
);
