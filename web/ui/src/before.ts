import { useAPI } from './api'
import type { History } from './types'

// useBefore is the period before the one that is shown, moved to its steps; undefined while there is none
// of the same steps.
export function useBefore(network: string, range: { seconds: number }, h: History | undefined, fields: string): History | undefined {
  const before = useAPI<History>('history', { network, from: '-' + 2 * range.seconds + 's', to: '-' + range.seconds + 's', points: 600, fields, step: h?.resolution }, 60)
  const old = before.data
  if (!h || !old || old.step !== h.step || !Object.values(old.fields).some((f) => f.recorded > 0)) return undefined
  const move = Math.round((old.start + range.seconds - h.start) / h.step)
  const moved = (values: (number | null)[]) => Array.from({ length: h.points }, (_, i) => values[i - move] ?? null)
  return { ...old, fields: Object.fromEntries(Object.entries(old.fields).map(([k, f]) => [k, { ...f, values: moved(f.values) }])) }
}
