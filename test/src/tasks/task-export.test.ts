import type { Task } from '@fleetwire/protocol'
import { parse } from 'csv-parse/sync'
import { test } from 'tap'
import { exportTasks, taskFormats } from '../../../src/tasks/task-export.ts'

const of = (taskId: string, fields: Partial<Task> = {}): Task => ({
  ...{ taskId, title: taskId, description: '', status: 'running', labels: {}, progress: 0.25, confidence: 0 },
  ...{ message: '', createdAt: 0, updatedAt: 1000, ...fields },
})
async function file(format: keyof typeof taskFormats, ...pages: Task[][]): Promise<string> {
  let text = ''
  async function* from() {
    yield* pages
  }
  for await (const piece of exportTasks(format, from())) text += piece
  return text
}

test('JSON of no, one and many pages parses to the tasks', async t => {
  t.same(JSON.parse(await file('json')), [])
  t.same(JSON.parse(await file('json', [])), [])
  const tasks = [of('a'), of('b', { result: { deep: [1] } }), of('c')]
  t.same(JSON.parse(await file('json', tasks.slice(0, 2), tasks.slice(2))), tasks)
  t.same(JSON.parse(taskFormats.json.one(tasks[1]!)), tasks[1])
})

test('[TK10] CSV is RFC 4180: what a parser reads is what was there, and no cell is a formula', async t => {
  const odd = 'a "quoted", thing\r\nwith two lines'
  const text = await file('csv', [of('a', { title: odd, message: '=cmd|calc!A1', labels: { k: '+1' } })], [of('b')])
  t.ok(text.endsWith('\r\n'))
  const rows = parse(text, { columns: true }) as Record<string, string>[]
  t.match(rows[0], { taskId: 'a', title: odd, message: "'=cmd|calc!A1", progress: '0.25', updatedAt: /1970.*01\.000Z/ })
  t.match(rows[1], { taskId: 'b', endedAt: '', result: '' })
  for (const start of ['=', '+', '-', '@', '\t', '\r']) {
    const [row] = parse(await file('csv', [of('a', { title: `${start}x` })]), { columns: true }) as { title: string }[]
    t.equal(row?.title, `'${start}x`)
  }
})

test('[TK10] Markdown shows text as text', async t => {
  const hostile = of('a', { title: '| <img src=x> [x](javascript:1)\n# h', message: '*m* `c`', description: '```\nx' })
  const table = await file('md', [hostile])
  const lines = table.trimEnd().split('\n')
  t.equal(lines.length, 3, 'one row a task')
  t.equal(lines[2]!.match(/(?<!\\)\|/g)?.length, 8, 'seven cells')
  t.notMatch(table, /<img|(?<!\\)\[x\]/)
  const one = taskFormats.md.one({ ...hostile, error: { message: 'broken' }, result: { a: 1 } })
  t.match(one, /^# \\\| &#60;img/)
  t.match(one, /````\n```\nx\n````/, 'a fence that the text cannot close')
  t.match(one, /## Result\n\n```\n{"a":1}\n```/)
  t.match(one, /## Error\n\n```\nbroken\n```/)
})
