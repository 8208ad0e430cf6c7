"""Calls POST <url> with the pympp package, which pays a card challenge with a token minted at <mint>, and prints one JSON line.

Usage: STRIPE_SECRET_KEY=sk_test_... python pay-mpp.py <url> <body> <mint>
"""

import asyncio
import base64
import json
import os
import sys

import httpx
from mpp.client import Mpp
from mpp.methods.stripe import client as stripe


async def main() -> None:
    url, body, mint = sys.argv[1:4]

    async def create_token(asked: stripe.OnChallengeParameters) -> str:
        form = {
            "payment_method": asked.payment_method,
            "usage_limits[currency]": asked.currency,
            "usage_limits[max_amount]": asked.amount,
            "usage_limits[expires_at]": str(asked.expires_at),
            "seller_details[network_id]": asked.network_id,
        }
        headers = {"authorization": f"Bearer {os.environ['STRIPE_SECRET_KEY']}", "stripe-version": "2026-07-29.preview"}
        async with httpx.AsyncClient() as http:
            granted = await http.post(mint, data=form, headers=headers)
        return granted.raise_for_status().json()["id"]

    method = stripe.charge(create_token=create_token, payment_method="pm_card_visa")
    headers = {"content-type": "application/json"}
    async with Mpp(methods=[method]) as mpp:
        response = await mpp.fetch(url, method="POST", content=body, headers=headers)
    receipt = response.headers.get("payment-receipt")
    print(
        json.dumps(
            {
                "client": "pympp",
                "status": response.status_code,
                "charge": response.headers.get("x-charge"),
                "token": response.headers.get("x-agent-token"),
                "receipt": json.loads(base64.urlsafe_b64decode(receipt + "=" * (-len(receipt) % 4))) if receipt else None,
                "body": response.json(),
            }
        )
    )


asyncio.run(main())
