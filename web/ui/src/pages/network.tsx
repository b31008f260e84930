import { alertChanges, useAPI } from '../api'
import { Chart, type Line } from '../chart'
import { amount, clock, count, millis, percent, rate, title } from '../format'
import { Bar, Failure, NetworkLink, RangeBox, useRange } from '../parts'
import { href, place } from '../state'
import type { Alerts, Apps, Flows, History, Network as Detail, TCP } from '../types'
import { useBefore } from '../before'
import { now } from './overview'

export function Network() {
  const network = place.value.params.network ?? ''
  const range = useRange()
  const every = range.seconds <= 3600 ? 2 : 30
  const to = now()
  const detail = useAPI<Detail>('network', { network }, 5)
  const history = useAPI<History>('history', { network, from: '-' + range.name, points: 600 }, every)
  const apps = useAPI<Apps>('history/protocols', { network, from: '-' + range.name }, 30)
  const alerts = useAPI<Alerts>('alerts', { network, per_page: 8 }, 30, alertChanges.value)
  const n = detail.data
  const h = history.data
  const before = useBefore(network, range, h, 'ingress_bytes,egress_bytes')
  if (!n) return <><h1>{network}</h1><Failure of={detail} /></>
  const lines: Line[] = [
    { label: 'Ingress', field: 'ingress_bytes', color: '--ingress', fill: true },
    { label: 'Egress', field: 'egress_bytes', color: '--egress', fill: true, down: true },
    { label: 'Inner', field: 'inner_bytes', color: '--inner' },
  ]
  // The period before is laid over this one, where it is of the same steps.
  if (before)
    lines.push(
      { label: 'Ingress, period before', field: 'ingress_bytes', color: '--text-soft', dash: true, from: before },
      { label: 'Egress, period before', field: 'egress_bytes', color: '--text-soft', dash: true, down: true, from: before },
    )
  return (
    <>
      <header class="head">
        <h1>{title(n)} {n.alias && <span class="soft">{n.cidr}</span>}</h1>
        <RangeBox />
      </header>
      <section class="tiles" aria-label="Now">
        <div class="tile"><span class="tile-name">Ingress</span><span class="tile-value">{rate(n.rates.ingress_rate)}</span><span class="tile-more" data-bytes={n.ingress.bytes}>{amount(n.ingress.bytes)} so far</span></div>
        <div class="tile"><span class="tile-name">Egress</span><span class="tile-value">{rate(n.rates.egress_rate)}</span><span class="tile-more" data-bytes={n.egress.bytes}>{amount(n.egress.bytes)} so far</span></div>
        <div class="tile"><span class="tile-name">Inner</span><span class="tile-value">{rate(n.rates.inner_rate)}</span><span class="tile-more" data-bytes={n.inner.bytes}>{amount(n.inner.bytes)} so far</span></div>
        <a class="tile" href={href('hosts', { filter: 'net:' + n.cidr })}><span class="tile-name">Hosts</span><span class="tile-value">{count(n.hosts)}{n.hosts_capped ? '+' : ''}</span><span class="tile-more">told apart</span></a>
        <a class="tile" href={href('flows', { filter: 'net:' + n.cidr })}><span class="tile-name">Flows</span><span class="tile-value">{count(n.flows_active)}</span><span class="tile-more">{count(n.flows)} so far</span></a>
        <a class={'tile' + (n.engaged_alerts ? ' bad' : '')} href={href('alerts', { network: n.cidr })}><span class="tile-name">Score</span><span class="tile-value">{count(Math.round(n.score))}</span><span class="tile-more">{n.engaged_alerts} engaged alerts</span></a>
      </section>
      <Failure of={history} />
      {h && <Chart name="Ingress above, egress below; dotted the 95th percentiles" data={h} from={to - range.seconds} to={to} lines={lines} />}
      <div class="columns">
        {h && <Chart height={140} name="TCP health" data={h} from={to - range.seconds} to={to} lines={[
          { label: 'Retransmissions', field: 'tcp_retransmissions', color: '--ingress' },
          { label: 'Out of order', field: 'tcp_out_of_order', color: '--inner' },
          { label: 'Lost', field: 'tcp_lost', color: '--bad' }]} />}
        {h && <Chart height={140} name="Round-trip time" data={h} from={to - range.seconds} to={to} lines={[{ label: 'Mean', field: 'rtt', color: '--egress' }]} />}
        {h && <Chart height={140} name="Hosts and flows" data={h} from={to - range.seconds} to={to} lines={[
          { label: 'Hosts', field: 'hosts', color: '--ingress' }, { label: 'Flows', field: 'flows', color: '--egress' }]} />}
        {h && <Chart height={140} name="Score" data={h} from={to - range.seconds} to={to} lines={[{ label: 'Score', field: 'score', color: '--bad' }]} />}
      </div>
      <div class="columns">
        <Protocols n={n} />
        <section>
          <h2>Protocols in the range</h2>
          <Failure of={apps} />
          <table class="rows">
            <thead><tr><th scope="col">Protocol</th><th scope="col" class="number">Ingress</th><th scope="col" class="number">Egress</th><th scope="col" class="number">Inner</th></tr></thead>
            <tbody>{apps.data?.total.length === 0 && <tr><td colSpan={4} class="empty">None so far.</td></tr>}{apps.data?.total.slice(0, 10).map((a) => <tr key={a.name}><td>{a.name}</td><td class="number">{amount(a.ingress)}</td><td class="number">{amount(a.egress)}</td><td class="number">{amount(a.inner)}</td></tr>)}</tbody>
          </table>
        </section>
        <LiveFlows cidr={n.cidr} />
        <section>
          <h2>Top hosts</h2>
          <table class="rows">
            <thead><tr><th scope="col">Host</th><th scope="col" class="number">Sent</th><th scope="col" class="number">Received</th><th scope="col" class="number">Flows</th></tr></thead>
            <tbody>{n.top_hosts.length === 0 && <tr><td colSpan={4} class="empty">No flow is in the table.</td></tr>}{n.top_hosts.map((x) => <tr key={x.address}><td><a href={href('flows', { filter: 'host:' + x.address })}>{x.address}</a></td><td class="number">{amount(x.bytes_sent)}</td><td class="number">{amount(x.bytes_received)}</td><td class="number">{count(x.flows_client + x.flows_server)}</td></tr>)}</tbody>
          </table>
          <p class="soft">Of the flows now in the table.</p>
        </section>
        <section>
          <h2>Peers</h2>
          <table class="rows">
            <thead><tr><th scope="col">Peer</th><th scope="col" class="number">From it</th><th scope="col" class="number">To it</th></tr></thead>
            <tbody>{n.peers.length === 0 && <tr><td colSpan={3} class="empty">No flow to anyone is in the table.</td></tr>}{n.peers.map((p) => <tr key={p.network + p.address}><td>{p.network ? <NetworkLink cidr={p.network} /> : <a href={href('flows', { filter: 'host:' + p.address })}>{p.address}</a>}</td><td class="number">{amount(p.ingress)}</td><td class="number">{amount(p.egress)}</td></tr>)}</tbody>
          </table>
        </section>
        <section>
          <h2>With other local networks</h2>
          <table class="rows">
            <thead><tr><th scope="col">Network</th><th scope="col" class="number">From it</th><th scope="col" class="number">To it</th></tr></thead>
            <tbody>{others(n).length === 0 && <tr><td colSpan={3} class="empty">None so far.</td></tr>}{others(n).map((o) => <tr key={o.network}><td><NetworkLink cidr={o.network} /></td><td class="number">{amount(o.from)}</td><td class="number">{amount(o.to)}</td></tr>)}</tbody>
          </table>
        </section>
        <Health n={n} />
        <section>
          <h2>Alerts</h2>
          <Failure of={alerts} />
          <ul class="alerts">{alerts.data?.alerts.map((a) => <li key={a.row_id}><span class={'severity ' + a.severity}>{a.severity}</span> {a.description || a.check} <span class="soft">{clock(a.time)}{a.end ? ' to ' + clock(a.end) : ', engaged'}</span></li>)}</ul>
          {alerts.data?.alerts.length === 0 && <p class="empty">None.</p>}
        </section>
      </div>
    </>
  )
}

// LiveFlows are the flows of the network that had a packet last.
function LiveFlows({ cidr }: { cidr: string }) {
  const filter = 'net:' + cidr
  const list = useAPI<Flows>('flows', { filter, sort: 'last', per_page: 8 }, 3)
  return (
    <section>
      <h2>Latest flows</h2>
      <Failure of={list} />
      <div class="scroll" tabIndex={0} role="region" aria-label="Latest flows">
        <table class="rows">
          <thead><tr><th scope="col">Client</th><th scope="col">Server</th><th scope="col">Protocol</th><th scope="col" class="number">Bytes</th><th scope="col">Last</th></tr></thead>
          <tbody>
            {list.data?.flows.length === 0 && <tr><td colSpan={5} class="empty">No flow is in the table.</td></tr>}
            {list.data?.flows.map((f) => (
              <tr key={[f.client.address, f.client.port, f.server.address, f.server.port, f.protocol, f.vlan].join()}>
                <td>{f.client.address}{f.client.port ? ':' + f.client.port : ''}</td><td>{f.server.address}{f.server.port ? ':' + f.server.port : ''}</td>
                <td>{f.app}</td><td class="number">{amount(f.from_client.bytes + f.from_server.bytes)}</td><td>{clock(f.last)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      <p><a href={href('flows', { filter, sort: 'last' })}>All its flows</a></p>
    </section>
  )
}

function others(n: Detail) {
  const all = new Map<string, { network: string; from: number; to: number }>()
  const of = (network: string) => {
    const o = all.get(network) ?? { network, from: 0, to: 0 }
    all.set(network, o)
    return o
  }
  n.matrix_from.forEach((c) => (of(c.network).from += c.bytes))
  n.matrix_to.forEach((c) => (of(c.network).to += c.bytes))
  return [...all.values()].sort((a, b) => b.from + b.to - a.from - a.to).slice(0, 12)
}

function Protocols({ n }: { n: Detail }) {
  const rows = Object.entries(n.protocols)
    .map(([name, d]) => ({ name, d, bytes: d.ingress.bytes + d.egress.bytes + d.inner.bytes }))
    .sort((a, b) => b.bytes - a.bytes)
  const all = rows.reduce((s, r) => s + r.bytes, 0) || 1
  return (
    <section>
      <h2>Protocols since the start</h2>
      <table class="rows">
        <thead><tr><th scope="col">Protocol</th><th scope="col" class="number">Ingress</th><th scope="col" class="number">Egress</th><th scope="col" class="number">Inner</th><th scope="col" class="number">Share</th></tr></thead>
        <tbody>
          {rows.length === 0 && <tr><td colSpan={5} class="empty">No traffic so far.</td></tr>}
          {rows.slice(0, 12).map((r) => (
            <tr key={r.name}>
              <td><a href={href('flows', { filter: `net:${n.cidr} app:"${r.name}"` })}>{r.name}</a></td>
              <td class="number">{amount(r.d.ingress.bytes)}</td><td class="number">{amount(r.d.egress.bytes)}</td><td class="number">{amount(r.d.inner.bytes)}</td>
              <td class="number"><Bar share={r.bytes / all} /> {percent(r.bytes / all)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  )
}

function Health({ n }: { n: Detail }) {
  const part = (v: number, t: TCP) => (t.packets ? `${count(v)} (${percent(v / t.packets)})` : '–')
  const ways: ['ingress' | 'egress' | 'inner', string][] = [['ingress', 'Ingress'], ['egress', 'Egress'], ['inner', 'Inner']]
  return (
    <section>
      <h2>TCP health</h2>
      <table class="rows">
        <thead><tr><th scope="col">Packets</th>{ways.map(([, t]) => <th key={t} scope="col" class="number">{t}</th>)}</tr></thead>
        <tbody>
          <tr><th scope="row">all</th>{ways.map(([w]) => <td key={w} class="number">{count(n.tcp[w].packets)}</td>)}</tr>
          <tr><th scope="row">retransmissions</th>{ways.map(([w]) => <td key={w} class="number">{part(n.tcp[w].retransmissions, n.tcp[w])}</td>)}</tr>
          <tr><th scope="row">out of order</th>{ways.map(([w]) => <td key={w} class="number">{part(n.tcp[w].out_of_order, n.tcp[w])}</td>)}</tr>
          <tr><th scope="row">lost</th>{ways.map(([w]) => <td key={w} class="number">{part(n.tcp[w].lost, n.tcp[w])}</td>)}</tr>
          <tr><th scope="row">zero windows</th>{ways.map(([w]) => <td key={w} class="number">{count(n.tcp[w].zero_window)}</td>)}</tr>
        </tbody>
      </table>
      <p class="soft">Round trip to servers {millis(n.rtt?.server_ms)}, to clients {millis(n.rtt?.client_ms)}.</p>
    </section>
  )
}
