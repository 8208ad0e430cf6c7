// Pictures of the operator's page, for the README.
//
// shots.mjs <operator's address> <folder> <JSON: [{"name", "view", "theme", "width", "height"}...]>
import { chromium } from "playwright-core";

const [base, folder, instructions] = process.argv.slice(2);
const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: ["--no-sandbox"] });
for (const { name, view, theme = "light", width = 1280, height = 800 } of JSON.parse(instructions)) {
  const context = await browser.newContext({ colorScheme: theme, viewport: { width, height } });
  const page = await context.newPage();
  const answer = await page.goto(base + view, { waitUntil: "networkidle" });
  if (answer.status() !== 200) throw new Error(`${view}: ${answer.status()}`);
  await page.screenshot({ path: `${folder}/${name}.png` });
  await context.close();
}
await browser.close();
