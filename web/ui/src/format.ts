import { bits } from './state'

const prefixes = ['', 'k', 'M', 'G', 'T', 'P']

// scaled shows a number with three digits and a decimal prefix.
export function scaled(v: number | null | undefined, unit = ''): string {
  if (v === null || v === undefined || Number.isNaN(v)) return '–'
  let p = 0
  let a = Math.abs(v)
  while (a >= 999.5 && p < prefixes.length - 1) {
    a /= 1000
    p++
  }
  const digits = a === 0 || (p === 0 && Number.isInteger(a)) ? 0 : a >= 100 ? 0 : a >= 10 ? 1 : 2
  return (v < 0 ? '−' : '') + a.toFixed(digits) + (unit || prefixes[p] ? ' ' + prefixes[p] + unit : '')
}

// rate shows bytes a second in the unit that the user chose.
export const rate = (v: number | null | undefined): string =>
  v === null || v === undefined ? '–' : bits.value ? scaled(v * 8, 'bit/s') : scaled(v, 'B/s')

// amount shows bytes in the unit that the user chose.
export const amount = (v: number | null | undefined): string =>
  v === null || v === undefined ? '–' : bits.value ? scaled(v * 8, 'bit') : scaled(v, 'B')

export const count = (v: number | null | undefined): string => (v === null || v === undefined ? '–' : v.toLocaleString('en-US'))

export const percent = (v: number | null | undefined): string =>
  v === null || v === undefined ? '–' : v > 0 && v < 0.0005 ? '<0.1 %' : (v * 100).toFixed(1) + ' %'

export const millis = (v: number | null | undefined): string =>
  v === null || v === undefined || Number.isNaN(v) ? '–' : v >= 1000 ? (v / 1000).toFixed(2) + ' s' : v.toFixed(v < 1 ? 3 : v < 10 ? 2 : 1) + ' ms'

// causes tells what was lost, by cause, most first.
export const causes = (by: Record<string, number> | undefined): string =>
  Object.entries(by ?? {})
    .filter(([, n]) => n > 0)
    .sort((a, b) => b[1] - a[1])
    .map(([cause, n]) => cause.replaceAll('_', ' ') + ' ' + count(n))
    .join(', ')

// clock shows a time of the API in the reader's zone.
export function clock(t: string | null | undefined): string {
  if (!t) return '–'
  const d = new Date(t)
  const day = d.toLocaleDateString('sv-SE')
  return (day === new Date().toLocaleDateString('sv-SE') ? '' : day + ' ') + d.toLocaleTimeString('sv-SE')
}

// span shows a number of seconds.
export function span(seconds: number): string {
  if (seconds < 1) return (seconds * 1000).toFixed(0) + ' ms'
  if (seconds < 60) return seconds.toFixed(seconds < 10 ? 1 : 0) + ' s'
  if (seconds < 3600) return Math.floor(seconds / 60) + ' min ' + Math.floor(seconds % 60) + ' s'
  if (seconds < 86400) return Math.floor(seconds / 3600) + ' h ' + Math.floor((seconds % 3600) / 60) + ' min'
  return Math.floor(seconds / 86400) + ' d ' + Math.floor((seconds % 86400) / 3600) + ' h'
}

const countries = new Intl.DisplayNames('en', { type: 'region', fallback: 'code' })

// countryName is the name of a code of two letters.
export const countryName = (code: string): string => countries.of(code) ?? code

export const title = (n: { alias: string; cidr: string }): string => n.alias || n.cidr
