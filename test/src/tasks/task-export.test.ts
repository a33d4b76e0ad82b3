import type { Task } from '@fleetwire/protocol'
import { parse } from 'csv-parse/sync'
import { test } from 'tap'
import { exportTasks, taskFormats } from '../../../src/tasks/task-export.ts'

const of = (taskId: string, fields: Partial<Task> = {}): Task => ({
  ...{ taskId, title: taskId, description: '', status: 'running', labels: {}, progress: 0.25, confidence: 0 },
  ...{ message: '', createdAt: 0, updatedAt: 1000, ...fields },
})
/** For the name of an assertion: a line break of any kind would end its line. */
const plain = (text: string) => encodeURI(text)
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

test('[TK10] CSV follows RFC 4180: a parser reads back every value, and no cell is a formula', async t => {
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

test('[TK11] no program that splits at any line break, semicolon or tab finds a formula at the start of a cell', async t => {
  const breaks = ['\n', '\r', '\r\n', '\n\r', '\v', '\f', '\u0085', '\u2028', '\u2029', ';', '\t', '\n\n', '\n ']
  for (const line of breaks) {
    for (const start of ['=', '+', '-', '@', '\uff1d']) {
      const title = `report${line}${start}2+5`
      const text = await file('csv', [of('a', { title }), of('b')])
      const shown = plain(title)
      for (const cell of text.split(/[\r\n\v\f\u0085\u2028\u2029,;\t"]/)) t.notMatch(cell, /^ *[=+@\uff1d-]/, shown)
      const rows = parse(text, { columns: true }) as { title: string }[]
      t.equal(rows.length, 2, shown)
      t.equal(rows[0]!.title.replaceAll("'", ''), title, shown)
      if (!';\t'.includes(line)) t.match(text, /"report/, `${shown} is quoted`)
    }
  }
})

test('[TK10] ids are unchanged code in Markdown', async t => {
  const task = of('build_it_now', { agentId: '-web_1_', parentTaskId: 'a__b' })
  t.match(await file('md', [task]), /^\| `build_it_now` \| .*\| `-web_1_` \|/m)
  t.match(taskFormats.md.one(task), /- taskId: `build_it_now`\n/)
  t.match(taskFormats.md.one(task), /- agentId: `-web_1_`\n- parentTaskId: `a__b`\n/)
})

test('[TK11] addresses, hidden characters and markup in a task are only text in Markdown', async t => {
  const titles = [
    'see https://evil.example/login',
    'www.evil.example',
    'WWW.evil.example',
    '<https://evil.example>',
    '![x](http://evil.example)',
    '[x]: http://evil.example',
    '<script>alert(1)</script>',
    '$\\href{javascript:1}{x}$',
    'a\u2028| b\u0085| c',
    'gpj.\u202eexe \u001b[2J\u0000',
    '&lt;b&gt;',
  ]
  for (const title of titles) {
    for (const text of [
      await file('md', [of('a', { title, message: title })]),
      taskFormats.md.one(of('a', { title })),
    ]) {
      const shown = plain(title)
      t.notMatch(text, /:\/\/|\bwww\.|<[a-z!/]|(?<!\\)[[\]$]|&lt;/i, shown)
      t.notMatch(text.replaceAll('\n', ''), /[\p{Cc}\p{Bidi_Control}\u2028]/u, shown)
      t.equal(text.split('\n').filter(line => line.includes('evil')).length <= 1, true, shown)
    }
  }
})

test('[TK10] Markdown shows text as text', async t => {
  const hostile = of('a', { title: '| <img src=x> [x](javascript:1)\n# h', message: '*m* `c`', description: '```\nx' })
  const table = await file('md', [hostile])
  const lines = table.trimEnd().split('\n')
  t.equal(lines.length, 3, 'one row per task')
  t.equal(lines[2]!.match(/(?<!\\)\|/g)?.length, 8, 'seven cells')
  t.notMatch(table, /<img|(?<!\\)\[x\]/)
  const one = taskFormats.md.one({ ...hostile, error: { message: 'broken' }, result: { a: 1 } })
  t.match(one, /^# \\\| &#60;img/)
  t.match(one, /````\n```\nx\n````/, 'a fence that the text cannot close')
  t.match(one, /## Result\n\n```\n{"a":1}\n```/)
  t.match(one, /## Error\n\n```\nbroken\n```/)
})
