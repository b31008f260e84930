import { effect, signal } from '@preact/signals'

// A stored signal is kept in the browser.
function stored<T>(key: string, otherwise: T) {
  let value = otherwise
  try {
    const text = localStorage.getItem('netmond.' + key)
    if (text !== null) value = JSON.parse(text)
  } catch {
    // no storage, or not ours: the default will do
  }
  const s = signal<T>(value)
  effect(() => {
    try {
      localStorage.setItem('netmond.' + key, JSON.stringify(s.value))
    } catch {
      // private browsing: it lasts as long as the page
    }
  })
  return s
}

export const bits = stored('bits', true)
export type Theme = 'auto' | 'light' | 'dark'
export const theme = stored<Theme>('theme', 'auto')

// zone is that of the clocks: the reader's own, or UTC.
export const zone = signal<'local' | 'utc'>('local')

// isDark is whether the page is dark now.
const system = window.matchMedia('(prefers-color-scheme: dark)')
export const isDark = signal(false)
const judge = () => {
  isDark.value = theme.value === 'dark' || (theme.value === 'auto' && system.matches)
  document.documentElement.dataset.theme = isDark.value ? 'dark' : 'light'
}
system.addEventListener('change', judge)
effect(judge)

// The place in the page: #/view?name=value. Every view is a link.
export type Place = { view: string; params: Record<string, string> }

function parse(hash: string): Place {
  const [path, query = ''] = hash.replace(/^#\/?/, '').split('?', 2)
  return { view: path || 'overview', params: Object.fromEntries(new URLSearchParams(query)) }
}

export const place = signal<Place>(parse(location.hash))
window.addEventListener('hashchange', () => {
  place.value = parse(location.hash)
})

export function href(view: string, params: Record<string, string | number | undefined> = {}): string {
  const query = new URLSearchParams()
  for (const [name, value] of Object.entries(params)) if (value !== undefined && value !== '') query.set(name, String(value))
  const text = query.toString()
  return '#/' + (view === 'overview' ? '' : view) + (text && '?' + text)
}

// go changes parameters of the view that is shown; an empty one goes away.
export function go(changes: Record<string, string | number | undefined>): void {
  const params: Record<string, string | number | undefined> = { ...place.value.params, ...changes }
  history.replaceState(null, '', href(place.value.view, params))
  place.value = parse(location.hash)
}
