// Pays POST <url> twice with @x402/fetch and one payment identifier made by @x402/extensions, signed anew each time, and prints one JSON line.
// Usage: AGENT_PRIVATE_KEY=0x... node pay-with-identifier.mjs <url> [body]
import { wrapFetchWithPayment, x402Client } from "@x402/fetch";
import { ExactEvmScheme } from "@x402/evm";
import { appendPaymentIdentifierToExtensions, generatePaymentId } from "@x402/extensions/payment-identifier";
import { privateKeyToAccount } from "viem/accounts";

const [url, body] = process.argv.slice(2);
const account = privateKeyToAccount(process.env.AGENT_PRIVATE_KEY);
const id = generatePaymentId();
const client = new x402Client().register("eip155:84532", new ExactEvmScheme(account));
client.onBeforePaymentCreation(async ({ paymentRequired }) => {
  appendPaymentIdentifierToExtensions(paymentRequired.extensions ?? {}, id);
});
const sent = [];
const pay = wrapFetchWithPayment(async (input, init) => {
  const request = new Request(input, init);
  const payment = request.headers.get("payment-signature");
  if (payment) sent.push(JSON.parse(atob(payment)));
  return fetch(request);
}, client);
const answers = [];
for (let time = 0; time < 2; time += 1) {
  const response = await pay(url, { method: "POST", headers: { "content-type": "application/json" }, body });
  const { status, headers } = response;
  answers.push({ status, replayed: headers.get("idempotent-replayed"), body: await response.json() });
}
const nonces = sent.map((payment) => payment.payload.authorization.nonce);
const ids = sent.map((payment) => payment.extensions?.["payment-identifier"]?.info?.id);
console.log(JSON.stringify({ id, ids, nonces, answers }));
