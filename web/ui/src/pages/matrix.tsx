import { sankey, sankeyLinkHorizontal } from 'd3-sankey'
import { useAPI } from '../api'
import { amount, count, countryName, percent } from '../format'
import { Failure, NetworkLink } from '../parts'
import { go, href, place } from '../state'
import type { Matrix as Data, Remote, Remotes } from '../types'

const most = 40 // networks in the map

export function Matrix() {
  const m = useAPI<Data>('matrix', {}, 5)
  if (!m.data) return <><h1>Matrix</h1>{m.loading && <p class="empty">Loading…</p>}<Failure of={m} /></>
  const { networks, cells } = m.data
  const busiest = [...networks].sort((a, b) => b.sent.bytes + b.received.bytes - a.sent.bytes - a.received.bytes).slice(0, most)
  const names = new Map(networks.map((n) => [n.id, n.alias || n.cidr]))
  const value = new Map(cells.map((c) => [c.src_id + '>' + c.dst_id, c]))
  const top = Math.max(1, ...cells.map((c) => c.bytes))
  const shade = (bytes: number) => (bytes === 0 ? 0 : 1 + Math.min(8, Math.floor(8 * (Math.log(bytes) / Math.log(top || 2)))))
  return (
    <>
      <header class="head"><h1>Matrix</h1><span class="soft">{count(m.data.total)} pairs of local networks talk</span></header>
      {networks.length === 0 && <p class="empty">No local network has talked to another one yet.</p>}
      {networks.length > 0 && (
        <div class="scroll" tabIndex={0} role="region" aria-label="Traffic between local networks">
          <table class="heat">
            <caption>Bytes from the network of the row to that of the column{networks.length > most ? `; the ${most} busiest of ${networks.length}` : ''}</caption>
            <thead>
              <tr><th scope="col">from \ to</th>{busiest.map((n) => <th key={n.id} scope="col" class="name" title={n.alias || n.cidr}><NetworkLink cidr={n.cidr} name={n.alias} /></th>)}<th scope="col">sent</th></tr>
            </thead>
            <tbody>
              {busiest.map((r) => (
                <tr key={r.id}>
                  <th scope="row" class="name" title={r.alias || r.cidr}><NetworkLink cidr={r.cidr} name={r.alias} /></th>
                  {busiest.map((c) => {
                    const cell = value.get(r.id + '>' + c.id)
                    if (!cell) return <td key={c.id} class="heat0">{r.id === c.id ? '' : '·'}</td>
                    return <td key={c.id} class={'heat' + shade(cell.bytes)} data-cell={r.cidr + '>' + c.cidr} data-bytes={cell.bytes}><a href={href('flows', { filter: `net:${r.cidr} net:${c.cidr}` })} title={`${names.get(r.id)} to ${names.get(c.id)}: ${count(cell.packets)} packets`}>{amount(cell.bytes)}</a></td>
                  })}
                  <td class="number sum" data-sent={r.cidr} data-bytes={r.sent.bytes}>{amount(r.sent.bytes)}</td>
                </tr>
              ))}
              <tr class="sum"><th scope="row">received</th>{busiest.map((n) => <td key={n.id} class="number" data-received={n.cidr} data-bytes={n.received.bytes}>{amount(n.received.bytes)}</td>)}<td class="number">{amount(networks.reduce((s, n) => s + n.sent.bytes, 0))}</td></tr>
            </tbody>
          </table>
        </div>
      )}
      {m.data.other.bytes > 0 && <p>{amount(m.data.other.bytes)} between pairs beyond the bound of the matrix are not told apart.</p>}
      <Outside />
    </>
  )
}

// A Band of a sankey is a stream of bytes; from and to are links to views.
type Band = { from: string; fromHref: string; to: string; toHref: string; bytes: number; note: string }

// Streams draws bands from the left to the right, as wide as their bytes.
function Streams({ bands, all, label }: { bands: Band[]; all: number; label: string }) {
  const nodes = new Map<string, { key: string; name: string; href: string }>()
  for (const b of bands) {
    nodes.set('l' + b.from, { key: 'l' + b.from, name: b.from, href: b.fromHref })
    nodes.set('r' + b.to, { key: 'r' + b.to, name: b.to, href: b.toHref })
  }
  const width = 900
  const side = (s: string) => [...nodes.keys()].filter((k) => k[0] === s).length
  const height = Math.max(120, 30 * Math.max(side('l'), side('r')))
  const graph = sankey<{ key: string; name: string; href: string }, { note: string }>()
    .nodeId((n) => n.key)
    .nodeWidth(12)
    .nodePadding(12)
    .extent([[200, 6], [width - 200, height - 6]])({
    nodes: [...nodes.values()],
    links: bands.map((b) => ({ source: 'l' + b.from, target: 'r' + b.to, value: Math.max(b.bytes, 1), note: b.note })),
  })
  const path = sankeyLinkHorizontal()
  const short = (name: string) => (name.length > 28 ? name.slice(0, 27) + '…' : name)
  return (
    <div class="scroll" tabIndex={0} role="region" aria-label={label}>
      <svg class="sankey" viewBox={`0 0 ${width} ${height}`} aria-label={label}>
        {graph.links.map((l, i) => <path key={i} d={path(l) ?? ''} stroke-width={Math.max(1, l.width ?? 1)}><title>{l.note}: {amount(l.value)}, {percent(l.value / all)}</title></path>)}
        {graph.nodes.map((n) => {
          const left = n.key[0] === 'l'
          return (
            <g key={n.key}>
              <rect x={n.x0} y={n.y0} width={(n.x1 ?? 0) - (n.x0 ?? 0)} height={Math.max(1, (n.y1 ?? 0) - (n.y0 ?? 0))} />
              <a href={n.href}><text x={left ? (n.x0 ?? 0) - 8 : (n.x1 ?? 0) + 8} y={((n.y0 ?? 0) + (n.y1 ?? 0)) / 2} dy="0.35em" text-anchor={left ? 'end' : 'start'}>{short(n.name)}<title>{n.name}</title></text></a>
            </g>
          )
        })}
      </svg>
    </div>
  )
}

// groups are what the outside is told apart by.
const groups: Record<string, string> = { prefix: 'Remote prefix', as: 'Autonomous system', country: 'Country' }

// far is the far side of a pair: its name, and the term that filters flows by it.
function far(p: Remote, by: string): { name: string; term: string } {
  if (by === 'as') return p.asn ? { name: 'AS' + p.asn + (p.as_name ? ' ' + p.as_name : ''), term: 'as:' + p.asn } : { name: 'unknown', term: 'as:none' }
  if (by === 'country') return p.country ? { name: countryName(p.country), term: 'country:' + p.country } : { name: 'unknown', term: 'country:none' }
  return { name: p.prefix, term: 'net:' + p.prefix }
}

// Outside shows what local networks exchange with prefixes, autonomous systems or countries of the outside, as bands
// and as a table.
function Outside() {
  const { v4 = '16', by: wanted = 'prefix' } = place.value.params
  const list = useAPI<Remotes>('remotes', { by: wanted, v4: wanted === 'prefix' ? v4 : undefined, pairs: 24 }, 10)
  const by = list.data?.by ?? wanted
  const choice = list.data?.groups ?? [wanted]
  const pairs = list.data?.pairs ?? []
  const all = pairs.reduce((s, p) => s + p.ingress + p.egress, 0) || 1
  const bands = pairs.map((p) => ({
    from: p.alias || p.network, fromHref: href('network', { network: p.network }), to: far(p, by).name, toHref: href('flows', { filter: far(p, by).term }),
    bytes: p.ingress + p.egress, note: (p.alias || p.network) + ' and ' + far(p, by).name,
  }))
  return (
    <section>
      <div class="head">
        <h2>Local networks and the outside</h2>
        {choice.length > 1 && (
          <label>by{' '}
            <select value={by} onChange={(e) => go({ by: e.currentTarget.value })}>{choice.map((g) => <option key={g} value={g}>{groups[g].toLowerCase()}</option>)}</select>
          </label>
        )}
        {by === 'prefix' && <label>IPv4 prefixes of{' '}
          <select value={v4} onChange={(e) => go({ v4: e.currentTarget.value })}>{['8', '16', '24', '32'].map((n) => <option key={n} value={n}>/{n}</option>)}</select>
        </label>}
        <span class="soft">of {count(list.data?.scanned)} flows in the table, both directions</span>
      </div>
      <Failure of={list} />
      {list.data && pairs.length === 0 && <p class="empty">No flow between a local network and the outside is in the table.</p>}
      {pairs.length > 0 && <Streams bands={bands} all={all} label="Bands from local networks at the left to the outside at the right, as wide as their bytes. The table below has the figures." />}
      {pairs.length > 0 && (
        <div class="scroll" tabIndex={0} role="region" aria-label="Local networks and the outside">
          <table class="rows" id="remotes">
            <thead><tr><th scope="col">Local network</th><th scope="col">{groups[by]}</th><th scope="col" class="number">From it</th><th scope="col" class="number">To it</th><th scope="col" class="number">Flows</th></tr></thead>
            <tbody>
              {pairs.map((p) => (
                <tr key={p.network + far(p, by).name}>
                  <td><NetworkLink cidr={p.network} name={p.alias} /></td><td><a href={href('flows', { filter: `net:${p.network} ${far(p, by).term}` })}>{far(p, by).name}</a></td>
                  <td class="number" data-bytes={p.ingress}>{amount(p.ingress)}</td><td class="number" data-bytes={p.egress}>{amount(p.egress)}</td><td class="number">{count(p.flows)}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </section>
  )
}
