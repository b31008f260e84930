// Texts of the wire, of scripts and of the configuration that try to become markup: all of them are shown
// as they are, and none is run.
import { api, audit, base, check, end, launch, open, same, show, views } from './browser.mjs'

const hostile = process.env.NETMOND_HOSTILE // in a server name, an alias, an alert's details and a script
const browser = await launch()
const page = await open(browser)
const network = (await api('networks/summary')).networks[0]
same(network.alias, hostile, 'the alias')
// The alias is wherever networks are named, the text of the script in its source and in its alerts. The other views
// have neither: checks and settings name no network, and those of names that are not there show nothing.
const shows = (view) => ['', 'networks', 'network?network=' + encodeURIComponent(network.cidr), 'matrix', 'flows', 'hosts', 'alerts', 'checks?check=hostile'].includes(view)
for (const view of [...views(network.cidr), 'checks?check=hostile', 'network?network=%3Cimg%20src%3Dx%20onerror%3Dalert(1)%3E', 'flows?filter=%3Cscript%3Ealert(1)%3C/script%3E']) {
  await show(page, view)
  const found = await page.evaluate((text) => ({
    run: document.querySelectorAll('main img, main script, main iframe').length,
    shown: document.body.textContent.includes(text),
    wide: document.documentElement.scrollWidth - document.documentElement.clientWidth,
  }), hostile)
  same(found.run, 0, view + ': elements that a text became')
  same(found.shown, shows(view), view + ': the text is shown')
  check(found.wide <= 0, `${view} is ${found.wide} px too wide`)
  for (const v of await audit(page)) check(false, `${view}: ${v}`)
}
await show(page, 'flows')
const name = (await api('flows')).flows[0].server_name
check((await page.textContent('main')).includes(name), 'the server name is shown: ' + name)
await show(page, 'checks?check=hostile')
await page.waitForSelector('.source pre')
check((await page.textContent('.source pre')).includes(hostile), 'the source is shown as it is')
const policy = (await fetch(base + '/')).headers.get('Content-Security-Policy')
check(!/unsafe|\*|https?:/.test(policy) && policy.includes("default-src 'none'") && policy.includes("script-src 'self'"), 'the policy is strict: ' + policy)
await browser.close()
end()
