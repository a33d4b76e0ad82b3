import { machine } from './machine.ts'

/** Prints the heading of a benchmark: what is compared, how, and on which machine. */
export function heading(title: string, method: readonly string[]): void {
  console.log(`\n${title}\n`)
  for (const line of [...method, `Machine: ${machine()}. ${new Date().toISOString().slice(0, 10)}.`])
    console.log(`  ${line}`)
  console.log()
}

/** Prints a table. The first column is text, the others are right-aligned figures. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): void {
  const widths = head.map((cell, i) => Math.max(cell.length, ...rows.map(row => row[i]!.length)))
  const line = (cells: readonly string[]) =>
    cells.map((cell, i) => (i === 0 ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!))).join('  ')
  for (const cells of [head, widths.map(width => '─'.repeat(width)), ...rows]) console.log(`  ${line(cells)}`)
  console.log()
}

export function note(text: string): void {
  console.log(`  ${text}`)
}

/** Above this share of a core, a process with one thread of JavaScript counts as saturated. */
const SATURATED = 0.9

/** Notes whether the load generator was the limit, and whether other processes used the machine. */
export function caveats({ load, others }: { load: number; others: number }): void {
  if (load > SATURATED) note(`The load generator was the limit (${percent(load)} of a core): the servers can do more.`)
  else note(`The load generator used ${percent(load)} of a core at most: the servers were the limit.`)
  sharedMachine(others)
}

export function sharedMachine(others: number): void {
  if (others > 0.1)
    note(`Shared machine: others used ${others.toFixed(2)} cores meanwhile. Compare ratios, not figures.`)
}

export const percent = (fraction: number): string => `${Math.round(fraction * 100)} %`
export const count = (value: number): string => Math.round(value).toLocaleString('en')
export const ms = (value: number): string => value.toFixed(value < 10 ? 2 : 1)
export const times = (value: number): string => `${value.toFixed(value < 10 ? 2 : 0)}×`
