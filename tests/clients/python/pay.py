"""Pays POST <url> with the x402 package over httpx and prints one JSON line.

Usage: AGENT_PRIVATE_KEY=0x... python pay.py <url> [body]
"""

import asyncio
import base64
import json
import os
import sys

from eth_account import Account
from x402 import x402Client
from x402.http.clients import x402HttpxClient
from x402.mechanisms.evm.exact.register import register_exact_evm_client
from x402.mechanisms.evm.signers import EthAccountSigner


async def main() -> None:
    url, body = sys.argv[1], sys.argv[2]
    account = Account.from_key(os.environ["AGENT_PRIVATE_KEY"])
    client = x402Client()
    register_exact_evm_client(client, EthAccountSigner(account))
    headers = {"content-type": "application/json"}
    async with x402HttpxClient(client, timeout=120) as http:
        response = await http.post(url, content=body, headers=headers)
    receipt = response.headers.get("payment-response")
    print(
        json.dumps(
            {
                "client": "x402 (PyPI)",
                "status": response.status_code,
                "charge": response.headers.get("x-charge"),
                "receipt": json.loads(base64.b64decode(receipt)) if receipt else None,
                "body": response.json(),
            }
        )
    )


asyncio.run(main())
