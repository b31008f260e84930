// The page over any capture: the scopes, the networks and the reasons are those of netmond read.
import { readFileSync } from 'node:fs'
import { end, launch, open, same, show } from './browser.mjs'

const report = JSON.parse(readFileSync(process.env.NETMOND_REPORT))
const browser = await launch()
const page = await open(browser)
await show(page, '')
await page.waitForSelector('#scopes [data-bytes]')
const rows = await page.$$eval('#scopes tbody tr', (l) => l.map((r) => [r.cells[0].innerText.replace('-', '_'), Number(r.querySelector('[data-bytes]').dataset.bytes)]))
for (const [name, bytes] of rows) same(bytes, name === 'captured' ? report.capture.bytes : report.scopes[name].bytes, 'scope ' + name)
await show(page, 'networks?sort=bytes')
await page.waitForSelector('tr.fixed [data-bytes]')
for (const [cidr, ingress, egress] of await page.$$eval('tr.fixed', (l) => l.map((r) => [new URLSearchParams(r.querySelector('a').hash.split('?')[1]).get('network'), ...[...r.querySelectorAll('[data-bytes]')].map((e) => Number(e.dataset.bytes))]))) {
  const n = report.networks.find((n) => n.cidr === cidr)
  same(ingress, n.ingress.bytes, cidr + ' ingress')
  same(egress, n.egress.bytes, cidr + ' egress')
}
await show(page, 'capture')
const reasons = await page.evaluate(() => document.querySelector('main').innerText)
for (const reason of Object.keys(report.undecoded_reasons)) same(reasons.includes(reason), true, 'the reason ' + reason)
await browser.close()
end()
