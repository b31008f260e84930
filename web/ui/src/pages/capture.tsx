import { useAPI } from '../api'
import { amount, causes, clock, count, span } from '../format'
import { Failure } from '../parts'

type Source = {
  interface: string
  path: string
  reason: string
  up: boolean
  packets: number
  bytes: number
  kernel_packets: number
  truncated_packets: number
  downs: number
  reopens: number
  last_poll_age_seconds: number
  ring_bytes: number
  workers: number
  lost: Record<string, number>
}
export type Status = {
  version: string
  started: string
  uptime_seconds: number
  sources: Source[]
  capture: { packets: number; bytes: number; truncated_packets: number; first: string | null; last: string | null }
  scopes: Record<string, { packets: number; bytes: number }>
  undecoded_reasons: Record<string, { packets: number; bytes: number }>
  lost: { packets: number; by_cause: Record<string, number> }
  table: { entries: number; capacity: number; memory_bytes: number; untracked: { packets: number; bytes: number }; ended: Record<string, number> }
  history: { series: number; memory_bytes: number; max_memory: number; disk_bytes: number; max_disk: number; failing: boolean; last_error: string } | null
  memory: { budget: number; resident: number }
}

export function Capture() {
  const s = useAPI<Status>('capture', {}, 2)
  const d = s.data
  if (!d) return <><h1>Capture</h1><Failure of={s} /></>
  return (
    <>
      <header class="head"><h1>Capture</h1><span class="soft">netmond {d.version}, up for {span(d.uptime_seconds)}</span></header>
      <Failure of={s} />
      <section class="tiles" aria-label="Sums">
        <div class="tile"><span class="tile-name">Captured</span><span class="tile-value">{count(d.capture.packets)}</span><span class="tile-more">{amount(d.capture.bytes)}</span></div>
        <div class={'tile' + (d.lost.packets ? ' bad' : '')}><span class="tile-name">Lost</span><span class="tile-value">{count(d.lost.packets)}</span><span class="tile-more">{causes(d.lost.by_cause) || 'nothing lost'}</span></div>
        <div class="tile"><span class="tile-name">Flow table</span><span class="tile-value">{count(d.table.entries)}</span><span class="tile-more">of {count(d.table.capacity)}, {amount(d.table.memory_bytes)}</span></div>
        <div class="tile"><span class="tile-name">Resident memory</span><span class="tile-value">{amount(d.memory.resident)}</span><span class="tile-more">{d.memory.budget ? 'budget ' + amount(d.memory.budget) : 'no budget set'}</span></div>
      </section>
      <h2>Sources</h2>
      <div class="scroll" tabIndex={0} role="region" aria-label="Sources">
        <table class="rows">
          <thead><tr><th scope="col">Interface</th><th scope="col">Path</th><th scope="col">State</th><th scope="col" class="number">Packets</th><th scope="col" class="number">Bytes</th><th scope="col" class="number">Lost</th><th scope="col" class="number">Workers</th><th scope="col" class="number">Ring</th><th scope="col" class="number">Last poll</th><th scope="col" class="number">Downs</th></tr></thead>
          <tbody>
            {d.sources.map((x) => (
              <tr key={x.interface + x.path}>
                <td>{x.interface}</td><td class="fold">{x.path}{x.reason && <span class="soft"> {x.reason}</span>}</td><td>{x.up ? 'up' : <span class="severity error">down</span>}</td>
                <td class="number">{count(x.packets)}</td><td class="number">{amount(x.bytes)}</td>
                <td class="number">{causes(x.lost) || '0'}</td>
                <td class="number">{x.workers}</td><td class="number">{amount(x.ring_bytes)}</td><td class="number">{span(x.last_poll_age_seconds)} ago</td><td class="number">{count(x.downs)}</td>
              </tr>
            ))}
            {d.sources.length === 0 && <tr><td colSpan={10} class="empty">Capture files: {clock(d.capture.first)} to {clock(d.capture.last)}</td></tr>}
          </tbody>
        </table>
      </div>
      <div class="columns">
        <section>
          <h2>Undecoded frames</h2>
          <table class="rows">
            <thead><tr><th scope="col">Reason</th><th scope="col" class="number">Packets</th><th scope="col" class="number">Bytes</th></tr></thead>
            <tbody>
              {Object.entries(d.undecoded_reasons).map(([k, v]) => <tr key={k}><td>{k}</td><td class="number">{count(v.packets)}</td><td class="number">{amount(v.bytes)}</td></tr>)}
              {Object.keys(d.undecoded_reasons).length === 0 && <tr><td colSpan={3} class="empty">None.</td></tr>}
            </tbody>
          </table>
        </section>
        <section>
          <h2>Flows that ended</h2>
          <table class="rows">
            <thead><tr><th scope="col">Reason</th><th scope="col" class="number">Flows</th></tr></thead>
            <tbody>{Object.entries(d.table.ended).map(([k, v]) => <tr key={k}><td>{k.replaceAll('_', ' ')}</td><td class="number">{count(v)}</td></tr>)}</tbody>
          </table>
          <p class="soft">{count(d.table.untracked.packets)} packets were counted for their networks and not in a flow.</p>
        </section>
        {d.history && (
          <section>
            <h2>History</h2>
            <p>{count(d.history.series)} series, {amount(d.history.memory_bytes)} of {amount(d.history.max_memory)} in memory{d.history.max_disk ? `, ${amount(d.history.disk_bytes)} of ${amount(d.history.max_disk)} on disk` : ', nothing on disk'}.</p>
            {d.history.failing && <p class="failure" role="alert">The disk does not take it: {d.history.last_error}</p>}
          </section>
        )}
      </div>
    </>
  )
}

// Paths tells how frames come in: interface by interface, or from files.
export function Paths({ status }: { status: Status | undefined }) {
  if (!status) return null
  return (
    <p class="paths">
      {status.sources.length === 0
        ? <>Capture files, {clock(status.capture.first)} to {clock(status.capture.last)}</>
        : status.sources.map((s) => (
            <span key={s.interface + s.path}>
              <strong>{s.interface}</strong> by {s.path}{s.reason && <span class="soft"> ({s.reason})</span>}, {s.up ? 'up' : <span class="severity error">down</span>}, {s.workers} {s.workers === 1 ? 'worker' : 'workers'}{' '}
            </span>
          ))}
    </p>
  )
}

// Tree shows settings by name: objects as lists in lists, so that they can be read and searched.
function Tree({ value }: { value: unknown }) {
  if (value === null || typeof value !== 'object') return <code>{value === null ? 'none' : value === '' ? 'empty' : String(value)}</code>
  const entries = Array.isArray(value) ? value.map((v, i) => [String(i + 1), v] as const) : Object.entries(value)
  if (entries.length === 0) return <code>none</code>
  return <dl>{entries.map(([k, v]) => <div key={k}><dt>{k}</dt><dd><Tree value={v} /></dd></div>)}</dl>
}

export function Settings() {
  const s = useAPI<unknown>('config', {}, 0)
  return (
    <>
      <header class="head"><h1>Settings</h1><span class="soft">as loaded; secrets are left out</span></header>
      <p class="soft">Keys that are not given stand at their defaults. <a href="api/v1/openapi.yaml">API</a>, <a href="metrics">metrics</a>, <a href="static/licenses.txt">licences of the page's parts</a>.</p>
      {s.error && 'status' in s.error && s.error.status === 404 ? <p class="empty">This netmond does not show its configuration.</p> : <Failure of={s} />}
      {s.data !== undefined && <section class="settings" aria-label="Configuration"><Tree value={s.data} /></section>}
    </>
  )
}
