import { sankey, sankeyLinkHorizontal } from 'd3-sankey'
import { useAPI } from '../api'
import { amount, count, percent } from '../format'
import { Failure, NetworkLink } from '../parts'
import { href } from '../state'
import type { Matrix as Data } from '../types'

const most = 40 // networks in the map

export function Matrix() {
  const m = useAPI<Data>('matrix', {}, 5)
  if (!m.data) return <><h1>Matrix</h1><Failure of={m} /></>
  const { networks, cells } = m.data
  const busiest = [...networks].sort((a, b) => b.sent.bytes + b.received.bytes - a.sent.bytes - a.received.bytes).slice(0, most)
  const names = new Map(networks.map((n) => [n.id, n.alias || n.cidr]))
  const cidrs = new Map(networks.map((n) => [n.id, n.cidr]))
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
              <tr><th scope="col">from \ to</th>{busiest.map((n) => <th key={n.id} scope="col"><NetworkLink cidr={n.cidr} name={n.alias} /></th>)}<th scope="col">sent</th></tr>
            </thead>
            <tbody>
              {busiest.map((r) => (
                <tr key={r.id}>
                  <th scope="row"><NetworkLink cidr={r.cidr} name={r.alias} /></th>
                  {busiest.map((c) => {
                    const cell = value.get(r.id + '>' + c.id)
                    if (!cell) return <td key={c.id} class="heat0">{r.id === c.id ? '' : '·'}</td>
                    return <td key={c.id} class={'heat' + shade(cell.bytes)}><a href={href('flows', { filter: `net:${r.cidr} net:${c.cidr}` })} title={`${names.get(r.id)} to ${names.get(c.id)}: ${count(cell.packets)} packets`}>{amount(cell.bytes)}</a></td>
                  })}
                  <td class="number sum" data-bytes={r.sent.bytes}>{amount(r.sent.bytes)}</td>
                </tr>
              ))}
              <tr class="sum"><th scope="row">received</th>{busiest.map((n) => <td key={n.id} class="number" data-bytes={n.received.bytes}>{amount(n.received.bytes)}</td>)}<td class="number">{amount(networks.reduce((s, n) => s + n.sent.bytes, 0))}</td></tr>
            </tbody>
          </table>
        </div>
      )}
      {m.data.other.bytes > 0 && <p>{amount(m.data.other.bytes)} between pairs beyond the bound of the matrix are not told apart.</p>}
      {cells.length > 0 && <Streams data={m.data} names={names} cidrs={cidrs} />}
    </>
  )
}

// Streams draws the busiest pairs as bands from the sender to the receiver.
function Streams({ data, names, cidrs }: { data: Data; names: Map<number, string>; cidrs: Map<number, string> }) {
  const cells = data.cells.slice(0, 20)
  const ids = (side: 'src_id' | 'dst_id') => [...new Set(cells.map((c) => c[side]))]
  const nodes = [...ids('src_id').map((id) => ({ key: 's' + id, id })), ...ids('dst_id').map((id) => ({ key: 'd' + id, id }))]
  const width = 900
  const height = Math.max(160, 26 * Math.max(ids('src_id').length, ids('dst_id').length))
  const graph = sankey<{ key: string; id: number }, object>()
    .nodeId((n) => n.key)
    .nodeWidth(12)
    .nodePadding(10)
    .extent([[170, 4], [width - 170, height - 4]])({
    nodes: nodes.map((n) => ({ ...n })),
    links: cells.map((c) => ({ source: 's' + c.src_id, target: 'd' + c.dst_id, value: Math.max(c.bytes, 1) })),
  })
  const band = sankeyLinkHorizontal()
  const all = data.cells.reduce((s, c) => s + c.bytes, 0) || 1
  return (
    <section>
      <h2>Busiest streams</h2>
      <svg class="sankey" viewBox={`0 0 ${width} ${height}`} role="img" aria-label="Bands from sending networks at the left to receiving networks at the right, as wide as their bytes. The matrix above has the figures.">
        {graph.links.map((l, i) => <path key={i} d={band(l) ?? ''} stroke-width={Math.max(1, l.width ?? 1)}><title>{amount(l.value)}, {percent(l.value / all)}</title></path>)}
        {graph.nodes.map((n) => {
          const left = n.key[0] === 's'
          return (
            <g key={n.key}>
              <rect x={n.x0} y={n.y0} width={(n.x1 ?? 0) - (n.x0 ?? 0)} height={Math.max(1, (n.y1 ?? 0) - (n.y0 ?? 0))} />
              <a href={href('network', { network: cidrs.get(n.id) })}><text x={left ? (n.x0 ?? 0) - 6 : (n.x1 ?? 0) + 6} y={((n.y0 ?? 0) + (n.y1 ?? 0)) / 2} dy="0.35em" text-anchor={left ? 'end' : 'start'}>{names.get(n.id)}</text></a>
            </g>
          )
        })}
      </svg>
    </section>
  )
}
