import type { ExportFormat, Task } from '@fleetwire/protocol'
import { stringify } from 'csv-stringify/sync'

interface Format {
  contentType: string
  /** One task alone. */
  one(task: Task): string
  head: string
  /** `first`: nothing was written between the head and this page. */
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
const names = Object.keys(columns)
const cells = (task: Task) => Object.values(columns).map(cell => cell(task))

/** RFC 4180. Cells that a spreadsheet would run as a formula begin with an apostrophe. */
const csv = (rows: string[][]): string => stringify(rows, { record_delimiter: 'windows', escape_formulas: true })

/** Text in a cell of a table: one line, nothing in it means anything to Markdown or to a browser. */
const inline = (text: string): string =>
  text
    .replace(/\s+/g, ' ')
    .replace(/[\\`*_[\]|#~]/g, '\\$&')
    .replace(/[&<>]/g, character => `&#${character.charCodeAt(0)};`)
/** A fence longer than any run of backticks in the text. */
function fenced(text: string): string {
  const longest = Math.max(2, ...[...text.matchAll(/`+/g)].map(([run]) => run.length))
  const fence = '`'.repeat(longest + 1)
  return `${fence}\n${text}\n${fence}\n`
}
const percent = (fraction: number): string => `${Math.round(fraction * 100)} %`
const tableRow = (task: Task): string =>
  `| ${[task.taskId, task.title, task.status, percent(task.progress), task.agentId ?? '', time(task.updatedAt), task.message].map(inline).join(' | ')} |\n`

function section(task: Task): string {
  const facts = Object.entries(columns)
    .filter(([name]) => !['title', 'description', 'result', 'error'].includes(name))
    .map(([name, cell]) => [name, cell(task)] as const)
    .filter(([, value]) => value !== '')
  const part = (title: string, text: string) => (text === '' ? '' : `\n## ${title}\n\n${fenced(text)}`)
  return (
    `# ${inline(task.title)}\n\n${facts.map(([name, value]) => `- ${name}: ${inline(value)}\n`).join('')}` +
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

/** The file of many tasks, piece by piece: no more than one page of them is in memory. */
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
