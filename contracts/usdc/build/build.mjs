// Compiles ../TestUsdc.sol and writes ../TestUsdc.abi.json and ../TestUsdc.bin (the deployed code, for genesis).
// With --check it writes nothing and exits 1 if the files differ from what the compiler gives.
import { readFileSync, writeFileSync } from "node:fs";
import solc from "solc";

const folder = new URL("../", import.meta.url);
const name = "TestUsdc";
const input = {
  language: "Solidity",
  sources: { [`${name}.sol`]: { content: readFileSync(new URL(`${name}.sol`, folder), "utf8") } },
  settings: {
    evmVersion: "cancun",
    optimizer: { enabled: true, runs: 10000 },
    viaIR: true,
    // No metadata behind the code: the bytes depend on the source's meaning alone.
    metadata: { appendCBOR: false, bytecodeHash: "none" },
    outputSelection: { "*": { "*": ["abi", "evm.deployedBytecode.object", "storageLayout"] } },
  },
};

const output = JSON.parse(solc.compile(JSON.stringify(input)));
for (const problem of output.errors ?? []) console.error(problem.formattedMessage);
if (output.errors?.length) process.exit(1);

const contract = output.contracts[`${name}.sol`][name];
const slots = Object.fromEntries(contract.storageLayout.storage.map(({ label, slot }) => [label, slot]));
if (slots.balanceOf !== "0" || slots.totalSupply !== "1") {
  console.error("balanceOf must be storage slot 0 and totalSupply slot 1", slots);
  process.exit(1);
}

const files = {
  [`${name}.abi.json`]: `${JSON.stringify(contract.abi, null, 2)}\n`,
  [`${name}.bin`]: `0x${contract.evm.deployedBytecode.object}\n`,
};
let differing = 0;
for (const [file, content] of Object.entries(files)) {
  const path = new URL(file, folder);
  if (process.argv.includes("--check")) {
    let present = "";
    try {
      present = readFileSync(path, "utf8");
    } catch {}
    if (present !== content) {
      console.error(`${file} is not what the compiler makes of ${name}.sol`);
      differing += 1;
    }
  } else {
    writeFileSync(path, content);
  }
}
process.exit(differing ? 1 : 0);
