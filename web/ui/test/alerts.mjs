// Alerts come and go on the page as they do, and its filter is that of the API.
import { api, base, check, end, launch, open, same, show } from './browser.mjs'

const browser = await launch()
const page = await open(browser)
const rows = async (filter = '') => (await api('alerts?per_page=50&filter=' + encodeURIComponent(filter))).alerts.map((a) => a.row_id).join()
await show(page, 'alerts')

// The page asks by itself every 30 s: what comes sooner comes by the live events.
let changes = 0
let known = await rows()
for (let from = Date.now(); changes < 2 && Date.now() - from < 25_000; await new Promise((done) => setTimeout(done, 50))) {
  const now = await rows()
  if (now === known) continue
  known = now
  changes++
  const asked = page.waitForResponse((r) => r.url().includes('/api/v1/alerts'), { timeout: 5000 }).catch(() => null)
  check(await asked, `change ${changes}: the page has not asked within 5 s`)
}
check(changes === 2, `${changes} changes of alerts within 25 s, want 2`)
await page.waitForSelector('nav .badge', { timeout: 10_000 })
check(/^\d+ engaged$/.test(await page.textContent('nav .badge')), 'the number of engaged alerts: ' + (await page.textContent('nav .badge')))

const filter = 'check:syn_* (status:engaged or status:historical)'
await page.fill('#filter-filter', filter)
await page.press('#filter-filter', 'Enter')
await page.waitForFunction(() => location.hash.includes('filter='))
await page.waitForFunction(() => [...document.querySelectorAll('main tbody tr')].every((r) => r.textContent.includes('syn_')), undefined, { timeout: 5000 })
const shown = await page.$$eval('main tbody tr', (list) => list.length)
const want = (await rows(filter)).split(',').length
check(shown > 0 && Math.abs(shown - want) <= 1, `the filter leaves ${shown} alerts, the API ${want}`)

await page.fill('#filter-filter', 'score>many')
await page.press('#filter-filter', 'Enter')
await page.waitForSelector('main .failure')
check((await page.textContent('main .failure')).includes('column 7'), 'a wrong filter says where: ' + (await page.textContent('main .failure')))
same(new URL(page.url()).origin, new URL(base).origin, 'the page')
await browser.close()
end()
