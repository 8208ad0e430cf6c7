// Pays POST <url> with @x402/fetch (x402 v2) and prints one JSON line.
// Usage: AGENT_PRIVATE_KEY=0x... node pay-x402-fetch-v2.mjs <url> [body]
import { decodePaymentResponseHeader, wrapFetchWithPaymentFromConfig } from "@x402/fetch";
import { ExactEvmScheme } from "@x402/evm";
import { privateKeyToAccount } from "viem/accounts";

const [url, body] = process.argv.slice(2);
const account = privateKeyToAccount(process.env.AGENT_PRIVATE_KEY);
const pay = wrapFetchWithPaymentFromConfig(fetch, {
  schemes: [{ network: "eip155:84532", client: new ExactEvmScheme(account) }],
});
const response = await pay(url, {
  method: "POST",
  headers: { "content-type": "application/json" },
  body,
});
const receipt = response.headers.get("payment-response");
console.log(
  JSON.stringify({
    client: "@x402/fetch",
    status: response.status,
    charge: response.headers.get("x-charge"),
    receipt: receipt && decodePaymentResponseHeader(receipt),
    body: await response.json(),
  }),
);
