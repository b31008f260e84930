import { alertChanges, tick, useAPI } from '../api'
import { Chart } from '../chart'
import { amount, causes, clock, count, percent, rate, scaled, title } from '../format'
import { Bar, Failure, NetworkLink, RangeBox, useRange } from '../parts'
import { useBefore } from '../before'
import { type Status, Paths } from './capture'
import { href } from '../state'
import type { Alerts, History, Report, Totals } from '../types'

const scopes: [string, string, Exclude<keyof Totals, 'lost_by_cause'>][] = [
  ['inbound', 'from outside into local networks', 'inbound_rate'],
  ['outbound', 'from local networks to outside', 'outbound_rate'],
  ['internal', 'between local hosts', 'internal_rate'],
  ['transit', 'neither end local', 'transit_rate'],
  ['encapsulation', 'tunnel envelopes', 'encapsulation_rate'],
  ['non_ip', 'ARP, STP and the like', 'non_ip_rate'],
  ['undecoded', 'headers that made no sense', 'undecoded_rate'],
]

// now is the end of what is shown: the capture's clock, which is not the reader's for a file.
export function now(): number {
  const t = tick.value?.time
  return t ? Math.ceil(Date.parse(t) / 1000) : Math.floor(Date.now() / 1000)
}

export function Overview() {
  const range = useRange()
  const to = now()
  const every = range.seconds <= 3600 ? 2 : 30
  const history = useAPI<History>('history', { from: '-' + range.name, points: 600, fields: 'inbound_bytes,outbound_bytes,internal_bytes' }, every)
  const before = useBefore('', range, history.data, 'inbound_bytes,outbound_bytes')
  const report = useAPI<Pick<Report, 'capture' | 'scopes'> & Status>('capture', {}, 5)
  const engaged = useAPI<Alerts>('alerts', { status: 'engaged', per_page: 5, order_by: 'score' }, 30, alertChanges.value)
  const t = tick.value?.totals
  const busiest = (tick.value?.networks ?? []).slice(0, 8)
  const most = busiest.reduce((m, n) => Math.max(m, n.ingress_rate + n.egress_rate + n.inner_rate), 1)
  const captured = report.data?.capture
  return (
    <>
      <header class="head">
        <h1>Overview</h1>
        <RangeBox />
      </header>
      <section class="tiles" aria-label="Now">
        <Tile name="Captured" value={rate(t?.bytes_rate)} more={t ? scaled(t.packets_rate) + ' packets/s' : ''} />
        <Tile name="Lost" value={count(t?.lost_packets)} more={t && t.lost_packets ? causes(t.lost_by_cause) + '; ' + scaled(t.lost_packets_rate) + ' packets/s now' : 'nothing lost'} bad={!!t?.lost_packets_rate} to={href('capture')} />
        <Tile name="Flows" value={count(t?.flows)} more="in the table" to={href('flows')} />
        <Tile name="Local hosts" value={count(t?.hosts)} more="seen lately" to={href('hosts')} />
        <Tile name="Engaged alerts" value={count(t?.engaged_alerts)} more={t?.engaged_alerts ? 'look at them' : 'all quiet'} bad={!!t?.engaged_alerts} to={href('alerts')} />
      </section>
      <Paths status={report.data} />
      <Failure of={history} />
      {history.data && (
        <Chart
          name="Traffic of the local networks: inbound above, outbound below; dotted the 95th percentiles"
          data={history.data}
          from={to - range.seconds}
          to={to}
          lines={[
            { label: 'Inbound', field: 'inbound_bytes', color: '--ingress', fill: true },
            { label: 'Outbound', field: 'outbound_bytes', color: '--egress', fill: true, down: true },
            { label: 'Internal', field: 'internal_bytes', color: '--inner' },
            ...(before ? [{ label: 'Inbound, period before', field: 'inbound_bytes', color: '--text-soft', dash: true, from: before }] : []),
          ]}
        />
      )}
      <div class="columns">
        <section>
          <h2>Busiest networks</h2>
          <table class="rows">
            <thead><tr><th scope="col">Network</th><th scope="col" class="number">Ingress</th><th scope="col" class="number">Egress</th><th scope="col" class="number">Inner</th><th scope="col"><span class="hidden">Share</span></th></tr></thead>
            <tbody>
              {tick.value && busiest.length === 0 && <tr><td colSpan={5} class="empty">No local network is configured.</td></tr>}
              {busiest.map((n) => (
                <tr key={n.id}>
                  <td><NetworkLink cidr={n.cidr} name={title(n)} /></td>
                  <td class="number">{rate(n.ingress_rate)}</td>
                  <td class="number">{rate(n.egress_rate)}</td>
                  <td class="number">{rate(n.inner_rate)}</td>
                  <td><Bar share={(n.ingress_rate + n.egress_rate + n.inner_rate) / most} /></td>
                </tr>
              ))}
            </tbody>
          </table>
          <p><a href={href('networks')}>All networks</a></p>
        </section>
        <section>
          <h2>Where everything went</h2>
          <table class="rows" id="scopes">
            <thead><tr><th scope="col">Scope</th><th scope="col" class="number">Now</th><th scope="col" class="number">Packets</th><th scope="col" class="number">Bytes</th><th scope="col" class="number">Share</th></tr></thead>
            <tbody>
              {scopes.map(([name, meaning, field]) => {
                const c = report.data?.scopes[name]
                return (
                  <tr key={name}>
                    <td title={meaning}>{name.replace('_', '-')}</td>
                    <td class="number">{rate(t?.[field])}</td>
                    <td class="number">{count(c?.packets)}</td>
                    <td class="number" data-bytes={c?.bytes}>{amount(c?.bytes)}</td>
                    <td class="number">{c && captured ? percent(captured.bytes ? c.bytes / captured.bytes : 0) : '–'}</td>
                  </tr>
                )
              })}
              <tr class="sum"><th scope="row">captured</th><td class="number">{rate(t?.bytes_rate)}</td><td class="number">{count(captured?.packets)}</td><td class="number" data-bytes={captured?.bytes}>{amount(captured?.bytes)}</td><td class="number">{captured ? '100 %' : '–'}</td></tr>
            </tbody>
          </table>
        </section>
        <section>
          <h2>Engaged alerts</h2>
          <Failure of={engaged} />
          {engaged.data?.alerts.length === 0 && <p class="empty">None.</p>}
          <ul class="alerts">
            {engaged.data?.alerts.map((a) => (
              <li key={a.row_id}><span class={'severity ' + a.severity}>{a.severity}</span> <NetworkLink cidr={a.network} name={a.network_alias || a.network_name} />: {a.description || a.check} <span class="soft">since {clock(a.time)}</span></li>
            ))}
          </ul>
        </section>
      </div>
    </>
  )
}

function Tile({ name, value, more, bad, to }: { name: string; value: string; more: string; bad?: boolean; to?: string }) {
  const inside = (
    <>
      <span class="tile-name">{name}</span>
      <span class="tile-value">{value}</span>
      <span class="tile-more">{more}</span>
    </>
  )
  return to ? <a class={'tile' + (bad ? ' bad' : '')} href={to}>{inside}</a> : <div class={'tile' + (bad ? ' bad' : '')}>{inside}</div>
}
