// Calls POST <url> with mppx's fetch, which pays a card challenge with a token minted at <mint>, and prints one JSON line.
// Usage: STRIPE_SECRET_KEY=sk_test_... node pay.mjs <url> <body> <mint>
import { Mppx, stripe } from "mppx/client";

const [url, body, mint] = process.argv.slice(2);
const createToken = async ({ paymentMethod, amount, currency, networkId, expiresAt }) => {
  const granted = await fetch(mint, {
    method: "POST",
    headers: { authorization: `Bearer ${process.env.STRIPE_SECRET_KEY}`, "stripe-version": "2026-07-29.preview" },
    body: new URLSearchParams({
      payment_method: paymentMethod,
      "usage_limits[currency]": currency,
      "usage_limits[max_amount]": amount,
      "usage_limits[expires_at]": String(expiresAt),
      "seller_details[network_id]": networkId,
    }),
  });
  return (await granted.json()).id;
};
const { fetch: pay } = Mppx.create({
  polyfill: false,
  methods: [stripe.charge({ paymentMethod: "pm_card_visa", createToken })],
});
const response = await pay(url, {
  method: "POST",
  headers: { "content-type": "application/json" },
  body,
});
const receipt = response.headers.get("payment-receipt");
console.log(
  JSON.stringify({
    client: "mppx",
    status: response.status,
    charge: response.headers.get("x-charge"),
    token: response.headers.get("x-agent-token"),
    receipt: receipt && JSON.parse(Buffer.from(receipt, "base64url")),
    body: await response.json(),
  }),
);
