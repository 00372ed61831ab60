// Photographs the dashboards: node shoot.mjs PROMETHEUS FROM TO FOLDER THEME NAME…, with times in seconds.
import { chromium } from 'playwright-core';
import sharp from 'sharp';
import { preview } from 'vite';

const [prometheus, from, to, folder, theme, ...names] = process.argv.slice(2);
const server = await preview({ preview: { host: '127.0.0.1', port: 0 }, logLevel: 'error' });
const browser = await chromium.launch({ executablePath: '/usr/bin/chromium', args: ['--no-sandbox'] });
try {
  const page = await browser.newPage({ viewport: { width: 1600, height: 1000 }, deviceScaleFactor: 1 });
  page.on('pageerror', (error) => console.error(String(error.stack ?? error)));
  page.on('console', (message) => message.type() === 'error' && console.error(message.text(), message.location().url));
  for (const name of names) {
    const address = new URL(server.resolvedUrls.local[0]);
    address.search = new URLSearchParams({ dashboard: name, prometheus, from, to, theme });
    await page.goto(address.href);
    await page.waitForSelector('[data-panel]');
    await page.waitForFunction(() => !document.querySelector('[data-state=waits]'), undefined, { timeout: 30_000 });
    await page.evaluate(() => document.fonts.ready);
    // Curves are drawn in the next frames.
    await page.waitForTimeout(1500);
    const empty = await page.$$eval('[data-state=empty]', (panels) => panels.map(({ dataset }) => dataset.panel));
    if (empty.length) {
      console.error(`${name}: nothing to see in ${empty.join(', ')}`);
      process.exitCode = 1;
    }
    const picture = await page.locator('#dashboard').screenshot();
    await sharp(picture).png({ palette: true, quality: 90, effort: 10, compressionLevel: 9 }).toFile(`${folder}/${name}.png`);
  }
} finally {
  await browser.close();
  await server.close();
}
