import type { ExportFormat, Task } from '@fleetwire/protocol'
import { stringify } from 'csv-stringify/sync'

interface Format {
  contentType: string
  /** The file of a single task. */
  one(task: Task): string
  head: string
  /** `first`: only the head was written before this page. */
  page(tasks: readonly Task[], first: boolean): string
  foot: string
}

const time = (at: number | undefined): string => (at === undefined ? '' : new Date(at).toISOString())
const textOf = (value: unknown): string =>
  value === undefined ? '' : typeof value === 'string' ? value : JSON.stringify(value)
const errorOf = ({ error }: Task): string => (typeof error === 'object' ? error.message : (error ?? ''))

const columns = {
  taskId: task => task.taskId,
  title: task => task.title,
  description: task => task.description,
  status: task => task.status,
  agentId: task => task.agentId ?? '',
  parentTaskId: task => task.parentTaskId ?? '',
  progress: task => String(task.progress),
  confidence: task => String(task.confidence),
  message: task => task.message,
  labels: task => JSON.stringify(task.labels),
  createdAt: task => time(task.createdAt),
  updatedAt: task => time(task.updatedAt),
  startedAt: task => time(task.startedAt),
  endedAt: task => time(task.endedAt),
  result: task => textOf(task.result),
  error: errorOf,
} as const satisfies { [K in keyof Task]-?: (task: Task) => string }
const ids: ReadonlySet<string> = new Set(['taskId', 'agentId', 'parentTaskId'])
const names = Object.keys(columns)
const cells = (task: Task) => Object.values(columns).map(cell => cell(task))

/** All characters that some program treats as the end of a line or of a cell. */
const BREAKS = '\\r\\n\\v\\f\\u0085\\u2028\\u2029'
const BREAK = new RegExp(`[${BREAKS}]`)
/** Where a formula could begin: at the start of a cell, and wherever some program starts a new cell. */
const FORMULA = new RegExp(`(^|[${BREAKS};\\t])(?= *[=+\\-@\\t\\r\uFF1D\uFF0B\uFF0D\uFF20])`, 'g')

/**
 * RFC 4180. A cell with a line break of any kind is quoted. Text that a spreadsheet would run as a formula is prefixed
 * with an apostrophe, also after a line break.
 */
const csv = (rows: string[][]): string =>
  stringify(
    rows.map(row => row.map(cell => cell.replace(FORMULA, "$1'"))),
    { record_delimiter: 'windows', quoted_match: BREAK },
  )

/** Control characters, including those that change the direction of text. */
const UNSEEN = /[\p{Cc}\p{Bidi_Control}]/gu

/**
 * Text for a cell of a Markdown table: one line, with nothing that Markdown or a browser would interpret, and no links.
 */
const inline = (text: string): string =>
  text
    .replace(/[\s\u0085]+/g, ' ')
    .replace(UNSEEN, '')
    .replace(/[\\`*_[\]|#~$]/g, '\\$&')
    .replace(/[&<>]|:(?=\/\/)|(?<=\bwww)\./gi, character => `&#${character.charCodeAt(0)};`)
/** Ids need no escaping, and people copy them. */
const code = (id: string): string => (id === '' ? '' : `\`${id}\``)
/** A fence that is longer than any run of backticks in the text. */
function fenced(text: string): string {
  const longest = Math.max(2, ...[...text.matchAll(/`+/g)].map(([run]) => run.length))
  const fence = '`'.repeat(longest + 1)
  return `${fence}\n${text}\n${fence}\n`
}
const percent = (fraction: number): string => `${Math.round(fraction * 100)} %`
const tableRow = (task: Task): string =>
  `| ${[code(task.taskId), inline(task.title), task.status, percent(task.progress), code(task.agentId ?? ''), time(task.updatedAt), inline(task.message)].join(' | ')} |\n`

function section(task: Task): string {
  const facts = Object.entries(columns)
    .filter(([name]) => !['title', 'description', 'result', 'error'].includes(name))
    .map(([name, cell]) => [name, ids.has(name) ? code(cell(task)) : inline(cell(task))] as const)
    .filter(([, value]) => value !== '')
  const part = (title: string, text: string) => (text === '' ? '' : `\n## ${title}\n\n${fenced(text)}`)
  return (
    `# ${inline(task.title)}\n\n${facts.map(([name, value]) => `- ${name}: ${value}\n`).join('')}` +
    part('Description', task.description) +
    part('Result', textOf(task.result)) +
    part('Error', errorOf(task))
  )
}

export const taskFormats: Record<ExportFormat, Format> = {
  json: {
    contentType: 'application/json; charset=utf-8',
    one: task => `${JSON.stringify(task, undefined, 2)}\n`,
    head: '[',
    page: (tasks, first) =>
      tasks.map((task, i) => `${first && i === 0 ? '\n' : ',\n'}${JSON.stringify(task)}`).join(''),
    foot: '\n]\n',
  },
  csv: {
    contentType: 'text/csv; charset=utf-8; header=present',
    one: task => csv([names, cells(task)]),
    head: csv([names]),
    page: tasks => csv(tasks.map(cells)),
    foot: '',
  },
  md: {
    contentType: 'text/markdown; charset=utf-8',
    one: section,
    head: '| task | title | status | progress | agent | updated | message |\n|---|---|---|---|---|---|---|\n',
    page: tasks => tasks.map(tableRow).join(''),
    foot: '',
  },
}

/** Writes the file piece by piece, so that no more than one page of tasks is in memory. */
export async function* exportTasks(format: ExportFormat, pages: AsyncIterable<Task[]>): AsyncGenerator<string, void> {
  const { head, page, foot } = taskFormats[format]
  yield head
  let first = true
  for await (const tasks of pages) {
    if (tasks.length === 0) continue
    yield page(tasks, first)
    first = false
  }
  yield foot
}
