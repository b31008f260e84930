// The page over the sample capture: every figure is the API's, nobody is shut out, nothing leaves the server.
import { gzipSync } from 'node:zlib'
import { readFileSync } from 'node:fs'
import { api, audit, base, check, end, launch, open, picture, same, show, views } from './browser.mjs'

const report = JSON.parse(readFileSync(process.env.NETMOND_REPORT)) // of netmond read
const browser = await launch()
const page = await open(browser, { colorScheme: 'light' })
const bytesOf = (selector) => page.$$eval(selector, (list) => list.map((e) => Number(e.dataset.bytes)))

// First load.
const files = ['/', '/static/app.js', '/static/app.css', '/static/icon.svg']
let zipped = 0
for (const f of files) zipped += gzipSync(Buffer.from(await (await fetch(base + f)).arrayBuffer()), { level: 9 }).length
console.log(`first page: ${zipped} bytes gzip`)
check(zipped < 200_000, `the first page has ${zipped} bytes gzip`)

// Figures.
await show(page, '')
const names = await page.$$eval('#scopes tbody tr', (rows) => rows.map((r) => r.cells[0].innerText))
const scopes = await bytesOf('#scopes [data-bytes]')
names.forEach((name, i) => same(scopes[i], name === 'captured' ? report.capture.bytes : report.scopes[name.replace('-', '_')].bytes, 'overview, scope ' + name))
same(scopes.slice(0, -1).reduce((a, b) => a + b, 0), report.capture.bytes, 'overview, sum of the scopes')
const gone = report.scopes.undecoded.packets + report.flows.untracked.packets
check((await page.textContent('.status')).includes('lost ' + gone), 'the top bar tells of losses')
check((await page.textContent('.paths')).includes('Capture files'), 'the overview tells the capture path')
const axis = await page.evaluate(() => document.body.innerText)
check(!/\d(am|pm)\b/.test(axis), 'clocks have 24 hours')

await show(page, 'networks')
await page.waitForSelector('tr.fixed [data-bytes]')
const listed = await page.$$eval('tr.fixed', (rows) => rows.map((r) => [r.querySelector('a').innerText, ...[...r.querySelectorAll('[data-bytes]')].map((e) => Number(e.dataset.bytes))]))
same(listed.length, report.networks.length, 'networks listed')
for (const [alias, ingress, egress] of listed) {
  const n = report.networks.find((n) => n.alias === alias)
  same(ingress, n.ingress.bytes, alias + ' ingress')
  same(egress, n.egress.bytes, alias + ' egress')
}
for (const n of report.networks) {
  await show(page, 'network?network=' + encodeURIComponent(n.cidr))
  const [ingress, egress, inner] = await bytesOf('.tile-more[data-bytes]')
  same(ingress, n.ingress.bytes, n.alias + ', ingress on its page')
  same(egress, n.egress.bytes, n.alias + ', egress on its page')
  same(inner, n.inner.bytes, n.alias + ', inner on its page')
  const h = await api(`history?network=${encodeURIComponent(n.cidr)}&from=-15m&points=600`)
  await page.waitForSelector('tr[data-field=ingress_bytes]')
  for (const field of ['ingress_bytes', 'egress_bytes', 'inner_bytes', 'rtt']) {
    const f = h.fields[field]
    const cells = await page.$eval(`tr[data-field=${field}]`, (r) => [...r.querySelectorAll('td')].map((e) => e.dataset.value ?? ''))
    const want = [f.min, f.mean, f.p95, f.max, ...(cells.length > 4 ? [f.sum] : [])].map((v) => (v === null ? '' : String(v)))
    same(cells.join(), want.join(), `${n.alias}, ${field} under the graph`)
  }
}
await show(page, 'matrix')
const matrix = await api('matrix')
for (const n of matrix.networks) {
  same((await bytesOf(`[data-sent="${n.cidr}"]`))[0], n.sent.bytes, 'matrix, sent by ' + n.alias)
  same((await bytesOf(`[data-received="${n.cidr}"]`))[0], n.received.bytes, 'matrix, received by ' + n.alias)
}
for (const c of report.matrix) {
  const [src, dst] = [c.src, c.dst]
  if (src !== undefined) same((await bytesOf(`[data-cell="${src}>${dst}"]`))[0], c.bytes, `matrix, ${src} to ${dst}`)
}
const cells = await bytesOf('[data-cell]')
same(cells.reduce((a, b) => a + b, 0), report.matrix.reduce((s, c) => s + c.bytes, 0), 'matrix, sum of the cells')
await page.waitForSelector('#remotes tbody tr')
same((await bytesOf('#remotes td:nth-child(3)')).reduce((a, b) => a + b, 0), report.scopes.inbound.bytes, 'outside, from all prefixes')
same((await bytesOf('#remotes td:nth-child(4)')).reduce((a, b) => a + b, 0), report.scopes.outbound.bytes, 'outside, to all prefixes')
// The same by autonomous system and by country: as many bytes, what is unknown included, and rows lead to flows.
for (const [by, known] of [['as', 'AS64497 <b>Test</b> Org'], ['country', 'France']]) {
  await page.selectOption('label:has-text("by") select:has(option[value=as])', by)
  await page.waitForFunction((k) => document.querySelector('#remotes')?.innerText.includes(k), known)
  same((await bytesOf('#remotes td:nth-child(3)')).reduce((a, b) => a + b, 0), report.scopes.inbound.bytes, `outside by ${by}, from all`)
  check((await page.textContent('.sankey')).includes('unknown'), `by ${by}: what no database knows is shown`)
  for (const v of await audit(page)) check(false, `matrix by ${by}: ${v}`)
}
await page.click('#remotes a:has-text("France")')
await page.waitForFunction(() => /country%3AFR/.test(location.hash) && /FR AS64497/.test(document.querySelector('main').innerText))
await show(page, 'hosts?filter=as:64497')
await page.waitForFunction(() => /FR AS64497/.test(document.querySelector('main').innerText))
await show(page, 'matrix')
await page.waitForSelector('#remotes tbody tr')
// A cell leads to its flows, and the link can be shared.
await page.click('[data-cell] a')
await page.waitForFunction(() => /#\/flows\?filter=/.test(location.hash) && /of [\d,]+ flows/.test(document.body.innerText))
const shared = await page.evaluate(() => location.href)
const other = await open(browser)
await other.goto(shared)
await other.waitForFunction(() => /of [\d,]+ flows/.test(document.body.innerText))
same(await other.inputValue('#filter-filter'), await page.inputValue('#filter-filter'), 'a shared link keeps the filter')
await other.context().close()

await show(page, 'flows?filter=port:x')
await page.waitForSelector('.failure')
check((await page.textContent('.failure')).includes('column 6'), 'a wrong filter is told with its column')
await show(page, 'checks?check=syn_scan_victim')
await page.waitForSelector('.source pre')
same(await page.textContent('.source pre'), await (await fetch(base + '/api/v1/checks/source?check=syn_scan_victim')).text(), 'source of a check')

// Units: the same figures in bytes.
await show(page, '')
await page.selectOption('label:has-text("Units") select', 'bytes')
await page.waitForFunction(() => /[\d.]+ [kMG]?B\b/.test(document.querySelector('#scopes').innerText) && !/bit/.test(document.querySelector('#scopes').innerText))
await page.selectOption('label:has-text("Units") select', 'bits')

// Every view: no violation in light and dark, nothing too wide for a narrow window.
const office = report.networks[0].cidr
for (const view of views(office)) {
  await show(page, view)
  for (const colorScheme of ['light', 'dark']) {
    await page.emulateMedia({ colorScheme })
    await page.waitForFunction((c) => document.documentElement.dataset.theme === c, colorScheme)
    for (const v of await audit(page)) check(false, `${view || 'overview'} ${colorScheme}: ${v}`)
  }
  await page.setViewportSize({ width: 390, height: 800 })
  const wide = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth)
  check(wide <= 0, `${view || 'overview'} is ${wide} px too wide for a window of 390 px`)
  await page.setViewportSize({ width: 1400, height: 1000 })
  await page.emulateMedia({ colorScheme: 'light' })
}
console.log(`figures and axe-core: ${Math.round(performance.now() / 1000)} s`)

// Keyboard alone: the skip link, then every view by its link, and the focus is seen.
await page.emulateMedia({ colorScheme: 'light' })
await page.goto('about:blank')
await show(page, 'settings') // so that the first of the links leads elsewhere too
await page.keyboard.press('Tab')
same(await page.evaluate(() => document.activeElement.textContent), 'Skip to the content', 'the first stop')
await page.keyboard.press('Enter')
same(await page.evaluate(() => document.activeElement.id), 'main', 'skipped to')
const stops = await page.$$eval('.top nav a', (l) => l.map((a) => a.textContent))
for (const stop of stops) {
  await page.evaluate(() => (document.activeElement.blur(), window.getSelection().removeAllRanges(), document.querySelector('.skip').focus()))
  const reached = () => page.evaluate((s) => document.activeElement.textContent === s, stop)
  for (let i = 0; i < 20 && !(await reached()); i++) await page.keyboard.press('Tab')
  same(await page.evaluate(() => document.activeElement.textContent), stop, 'reached by Tab')
  check(await page.evaluate(() => getComputedStyle(document.activeElement).outlineStyle !== 'none'), `the focus on ${stop} is seen`)
  await page.keyboard.press('Enter')
  await page.waitForFunction((s) => document.querySelector('main h1')?.textContent.startsWith(s), stop)
  same(await page.evaluate(() => document.activeElement.id), 'main', `the focus, once ${stop} is drawn`)
  // Everything in the view can be reached, and left again; of long lists the end.
  await page.waitForFunction(() => !/Loading…/.test(document.querySelector('main').innerText))
  await page.evaluate(() => {
    const all = [...document.querySelectorAll('main a, main button, main input, main select, main summary, main [tabindex="0"]')]
    if (all.length > 60) all[all.length - 30].focus()
  })
  const seen = new Set()
  let left = false
  for (let i = 0; i < 100 && !left; i++) {
    await page.keyboard.press('Tab')
    const at = await page.evaluate(() => {
      const e = document.activeElement
      if (!e.closest('main')) return null
      e.dataset.stop ??= String((window.stops = (window.stops ?? 0) + 1))
      return e.dataset.stop
    })
    if (at === null) left = true
    else if (seen.has(at)) continue
    else seen.add(at)
  }
  check(left, `${stop}: the keyboard is caught`)
}
// Sorting and a details table by keys.
await show(page, 'flows')
await page.focus('button.sort:has-text("Packets")')
await page.keyboard.press('Enter')
await page.waitForFunction(() => location.hash.includes('sort=packets'))
check((await page.getAttribute('th:has(button:has-text("Packets"))', 'aria-sort')) === 'descending', 'the order is told')
await show(page, 'network?network=' + encodeURIComponent(office))
await page.focus('.values summary')
await page.keyboard.press('Enter')
await page.waitForSelector('.values[open] tbody tr')

// Pictures for the guide.
await page.setViewportSize({ width: 1200, height: 800 })
await show(page, '')
await picture(page, 'overview')
await show(page, 'network?network=' + encodeURIComponent(office))
await picture(page, 'network')
await show(page, 'matrix')
await picture(page, 'matrix')
await show(page, 'checks?check=syn_scan_victim')
await picture(page, 'checks')
await page.emulateMedia({ colorScheme: 'dark' })
await page.setViewportSize({ width: 1200, height: 480 })
await show(page, 'flows')
await picture(page, 'flows-dark')
await browser.close()
end()
