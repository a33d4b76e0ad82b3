const SECOND = 1000
const MINUTE = 60 * SECOND
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR

const two = (value: number) => String(value).padStart(2, '0')

/** A running clock: `0:42`, `14:20`, `1:12:44`, `2d 3h`. Negative times show as zero. */
export function elapsed(ms: number): string {
  const total = Math.max(0, ms)
  if (total >= DAY) return `${Math.floor(total / DAY)}d ${Math.floor((total % DAY) / HOUR)}h`
  const [hours, minutes, seconds] = [total / HOUR, (total % HOUR) / MINUTE, (total % MINUTE) / SECOND].map(Math.floor)
  return hours! > 0 ? `${hours}:${two(minutes!)}:${two(seconds!)}` : `${minutes}:${two(seconds!)}`
}

/** An age in one unit: `now`, `42s`, `4m`, `2h`, `3d`. */
export function age(ms: number): string {
  const total = Math.max(0, ms)
  if (total < 2 * SECOND) return 'now'
  if (total < MINUTE) return `${Math.floor(total / SECOND)}s`
  if (total < HOUR) return `${Math.floor(total / MINUTE)}m`
  if (total < DAY) return `${Math.floor(total / HOUR)}h`
  return `${Math.floor(total / DAY)}d`
}

/** `4m ago`, `now`. */
export function ago(ms: number): string {
  const text = age(ms)
  return text === 'now' ? text : `${text} ago`
}

/** A measured duration: `40 ms`, `1.2 s`, `3:08`. */
export function took(ms: number): string {
  if (ms < SECOND) return `${Math.max(0, Math.round(ms))} ms`
  return ms < MINUTE ? `${(ms / SECOND).toFixed(1)} s` : elapsed(ms)
}

export function bytes(count: number): string {
  if (count < 1024) return `${count} B`
  const units = ['KiB', 'MiB', 'GiB', 'TiB']
  let value = count / 1024
  let unit = 0
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024
    unit++
  }
  return `${value >= 100 ? Math.round(value) : value.toFixed(1)} ${units[unit]}`
}

export const count = (value: number): string => value.toLocaleString('en')

export const money = (usd: number): string => (usd > 0 && usd < 0.01 ? '<$0.01' : `$${usd.toFixed(2)}`)

export const percent = (fraction: number): string => `${Math.round(fraction * 100)}%`

const sameDay = new Intl.DateTimeFormat(undefined, {
  hour: '2-digit',
  minute: '2-digit',
  second: '2-digit',
  hour12: false,
})
const otherDay = new Intl.DateTimeFormat(undefined, {
  ...{ month: 'short', day: 'numeric', hour: '2-digit', minute: '2-digit', hour12: false },
})

/** A time of day, with the date if it is not today. */
export const clockTime = (at: number, now = Date.now()): string =>
  new Date(at).toDateString() === new Date(now).toDateString() ? sameDay.format(at) : otherDay.format(at)

/** `1 agent`, `12 agents`. */
export const plural = (value: number, one: string, many = `${one}s`): string =>
  `${count(value)} ${value === 1 ? one : many}`
