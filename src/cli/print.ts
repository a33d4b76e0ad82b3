import { safeJson, safeLine } from './safe-text.ts'

export const printJson = (value: unknown): void => void process.stdout.write(`${safeJson(value)}\n`)

/** Aligns columns by their widest cell. */
export function printTable(head: string[], rows: string[][]): void {
  const table = [head, ...rows].map(row => row.map(safeLine))
  const widths = head.map((_, i) => table.reduce((widest, row) => Math.max(widest, row[i]?.length ?? 0), 0))
  for (const row of table) {
    const cells = row.map((cell, i) => cell.padEnd(widths[i]!))
    process.stdout.write(`${cells.join('  ').trimEnd()}\n`)
  }
}

/** How long ago a moment was: `4 s ago`. */
export function since(at: number, now = Date.now()): string {
  const seconds = Math.max(0, Math.round((now - at) / 1000))
  if (seconds < 60) return `${seconds} s ago`
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ago`
  return seconds < 86_400 ? `${Math.floor(seconds / 3600)} h ago` : `${Math.floor(seconds / 86_400)} d ago`
}

/** Roughly how far in the future a time is: `4 min`. */
export const until = (at: number, now = Date.now()): string => since(2 * now - at, now).replace(' ago', '')
