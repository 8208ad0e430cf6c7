// Pays POST <url> with x402-fetch (x402 v1) and prints one JSON line.
// Usage: AGENT_PRIVATE_KEY=0x... node pay-x402-fetch-v1.mjs <url> [body]
import { privateKeyToAccount } from "viem/accounts";
import { decodeXPaymentResponse, wrapFetchWithPayment } from "x402-fetch";

// The client refuses more than 0.10 USDC unless it is told a higher cap: a launch costs 0.55.
const CAP_UNITS = 600_000n;

const [url, body] = process.argv.slice(2);
const account = privateKeyToAccount(process.env.AGENT_PRIVATE_KEY);
const pay = wrapFetchWithPayment(fetch, account, CAP_UNITS);
const response = await pay(url, {
  method: "POST",
  headers: { "content-type": "application/json" },
  body,
});
const receipt = response.headers.get("x-payment-response");
console.log(
  JSON.stringify({
    client: "x402-fetch",
    status: response.status,
    charge: response.headers.get("x-charge"),
    receipt: receipt && decodeXPaymentResponse(receipt),
    body: await response.json(),
  }),
);
