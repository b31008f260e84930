import { signal } from '@preact/signals'
import { useEffect, useState } from 'preact/hooks'
import type { Problem, Tick } from './types'

// An APIError is an answer that says no; column is where a filter is wrong, from 1.
export class APIError extends Error {
  constructor(
    message: string,
    readonly status: number,
    readonly column = 0,
  ) {
    super(message)
  }
}

export type Params = Record<string, string | number | undefined>

// link is a path of the API with its parameters; empty ones are left out.
export function link(path: string, params: Params = {}): string {
  const query = new URLSearchParams()
  for (const [name, value] of Object.entries(params)) if (value !== undefined && value !== '') query.set(name, String(value))
  const text = query.toString()
  return 'api/v1/' + path + (text && '?' + text)
}

async function answer<T>(response: Response): Promise<T> {
  if (response.ok) return response.json()
  let problem: Problem = { title: response.statusText, status: response.status }
  try {
    problem = await response.json()
  } catch {
    // not one of netmond's answers: a proxy's, say
  }
  throw new APIError(problem.detail || problem.title, response.status, problem.column)
}

export async function get<T>(path: string, params?: Params, signal?: AbortSignal): Promise<T> {
  return answer(await fetch(link(path, params), { signal }))
}

export async function getText(path: string, params?: Params, signal?: AbortSignal): Promise<string> {
  const response = await fetch(link(path, params), { signal })
  return response.ok ? response.text() : answer(response)
}

export async function post<T>(path: string, body: unknown): Promise<T> {
  return answer(
    await fetch(link(path), { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(body) }),
  )
}

export type Loaded<T> = { data?: T; error?: APIError | Error; loading: boolean }

// useAPI asks at once, whenever path or parameters change, and every seconds (0: never again), and when again changes. What was
// there stays while the next answer is awaited.
export function useAPI<T>(path: string, params: Params, seconds: number, again = 0): Loaded<T> {
  const [state, setState] = useState<Loaded<T> & { for?: string }>({ loading: true })
  const key = link(path, params)
  useEffect(() => {
    const abort = new AbortController()
    let timer = 0
    const load = async () => {
      try {
        const data = await get<T>(path, params, abort.signal)
        setState({ data, loading: false, for: key })
      } catch (error) {
        if (abort.signal.aborted) return
        setState((old) => ({ data: old.for === key ? old.data : undefined, error: error as Error, loading: false, for: key }))
      }
      if (seconds > 0 && !abort.signal.aborted) timer = window.setTimeout(load, (document.hidden ? 6 : 1) * seconds * 1000)
    }
    load()
    return () => {
      abort.abort()
      window.clearTimeout(timer)
    }
  }, [key, seconds, again])
  return state
}

// What happens now, each second. live is false while the connection is down.
export const tick = signal<Tick | null>(null)
export const live = signal(false)

// How often alerts changed since the page was opened, those that come together as one: lists of them ask again.
// The ID of the last change lets a new connection go on after it.
export const alertChanges = signal(0)
let lastChange: string | undefined
let waiting = 0

export function listen(): void {
  const events = new EventSource(link('live', { last_event_id: lastChange }))
  const changed = (e: Event) => {
    lastChange = (e as MessageEvent).lastEventId
    waiting ||= window.setTimeout(() => {
      waiting = 0
      alertChanges.value++
    }, 300)
  }
  events.addEventListener('alert', changed)
  events.addEventListener('missed', changed)
  events.addEventListener('tick', (e) => {
    live.value = true
    tick.value = JSON.parse((e as MessageEvent).data)
  })
  events.onerror = () => {
    live.value = false
    if (events.readyState === EventSource.CLOSED) window.setTimeout(listen, 5000)
  }
}
