import { type ComponentType, render } from 'preact'
import { useLayoutEffect, useRef } from 'preact/hooks'
import { listen, live, tick } from './api'
import { causes, count, rate } from './format'
import { Alerts, Checks } from './pages/alerts'
import { Capture, Settings } from './pages/capture'
import { Flows, Hosts } from './pages/lists'
import { Matrix } from './pages/matrix'
import { Network } from './pages/network'
import { Networks } from './pages/networks'
import { Overview } from './pages/overview'
import { bits, href, place, theme, type Theme } from './state'

const views: { view: string; name: string; page: ComponentType; hidden?: boolean }[] = [
  { view: 'overview', name: 'Overview', page: Overview },
  { view: 'networks', name: 'Networks', page: Networks },
  { view: 'network', name: 'Network', page: Network, hidden: true },
  { view: 'matrix', name: 'Matrix', page: Matrix },
  { view: 'flows', name: 'Flows', page: Flows },
  { view: 'hosts', name: 'Hosts', page: Hosts },
  { view: 'alerts', name: 'Alerts', page: Alerts },
  { view: 'checks', name: 'Checks', page: Checks },
  { view: 'capture', name: 'Capture', page: Capture },
  { view: 'settings', name: 'Settings', page: Settings },
]

function App() {
  const at = place.value
  const found = views.find((v) => v.view === at.view)
  const main = useRef<HTMLElement>(null)
  const first = useRef(true)
  const name = found ? (at.view === 'network' ? at.params.network : found.name) : 'Nothing here'
  // With the drawing, not after it: a focus that came later would take it from a reader who has gone on by then.
  useLayoutEffect(() => {
    document.title = name + ' – netmond'
    // A new view is announced by its heading; the first one is where the reader begins anyway.
    if (!first.current) main.current?.focus()
    first.current = false
  }, [at.view, at.params.network])
  const t = tick.value?.totals
  const Page = found?.page
  return (
    <>
      <a class="skip" href="#main" onClick={(e) => { e.preventDefault(); main.current?.focus() }}>Skip to the content</a>
      <header class="top">
        <a class="brand" href={href('overview')}>netmond</a>
        <nav aria-label="Views">
          {views.filter((v) => !v.hidden).flatMap((v) => [
            <a key={v.view} href={href(v.view)} aria-current={at.view === v.view || (at.view === 'network' && v.view === 'networks') ? 'page' : undefined}>{v.name}</a>,
            v.view === 'alerts' && t?.engaged_alerts ? <span key="engaged" class="badge">{count(t.engaged_alerts)}<span class="hidden"> engaged</span></span> : null,
          ])}
        </nav>
        <span class="status">
          <span class={live.value ? 'dot on' : 'dot'} aria-hidden="true" />
          <span class="hidden" role="status">{live.value ? 'connected' : 'no connection'}</span>
          {live.value && t ? <><span class="now">{rate(t.bytes_rate)}</span> · <a href={href('capture')} class={t.lost_packets ? 'lost' : ''}>lost {count(t.lost_packets)}{t.lost_packets ? ' (' + (causes(t.lost_by_cause) || 'cause unknown') + ')' : ''}</a></> : 'no connection'}
        </span>
        <label><span class="hidden">Units</span><select value={bits.value ? 'bits' : 'bytes'} onChange={(e) => (bits.value = e.currentTarget.value === 'bits')}><option value="bits">bits</option><option value="bytes">bytes</option></select></label>
        <label><span class="hidden">Theme</span><select value={theme.value} onChange={(e) => (theme.value = e.currentTarget.value as Theme)}><option value="auto">system theme</option><option value="light">light</option><option value="dark">dark</option></select></label>
      </header>
      <main id="main" ref={main} tabIndex={-1}>{Page ? <Page key={at.view + (at.params.network ?? '')} /> : <><h1>Nothing here</h1><p><a href={href('overview')}>To the overview</a></p></>}</main>
    </>
  )
}

listen()
render(<App />, document.getElementById('app')!)
