import t from 'tap'
import { reportedEvents } from '../../../src/report/claude-code/hook-reports.ts'
import { readReportLine } from '../../../src/report/report-line.ts'
import { builtInRules } from '../../../src/wrap/judge/built-in-rules.ts'
import { parseRules } from '../../../src/wrap/judge/load-rules.ts'
import { ProgramRules } from '../../../src/wrap/judge/program-rules.ts'
import { blocks, read, tableRows, unquoted } from '../../house/repository.ts'

const page = read('docs/reporting.md')
const section = (title: string) => page.split(/^#+ /m).find(part => part.startsWith(title)) ?? ''
const firstCells = (title: string) => tableRows(section(title)).map(([cell]) => unquoted(cell!))

t.test('the lines that the page shows are valid', async t => {
  const shown = [...page.matchAll(/^(program|wrapper): (\{.*)$/gm)]
  t.ok(shown.length >= 6)
  const defaults = { sessionId: 's', source: 's', newId: () => 'id' }
  const refused = shown
    .filter(([, who]) => who === 'program')
    .map(([, , line]) => readReportLine(line!, defaults))
    .filter(({ ok }) => !ok)
  t.match(refused, [{ id: '3', code: 'invalid_frame', message: /^payload\.work: expected one of/ }])
})

t.test('its table of hooks matches the code', async t => {
  const told = firstCells('Claude Code').filter(cell => /^[A-Z]\w+$/.test(cell))
  t.same(new Set(told), new Set([...reportedEvents, 'PermissionRequest']))
})

t.test('its table of programs matches the code, including the keys that interrupt', async t => {
  const rows = tableRows(section('The rules of a screen'))
  const keys = { Escape: ['escape'], 'Escape, twice': ['escape', 'escape'], 'Ctrl-C': ['ctrl-c'] } as Record<
    string,
    string[]
  >
  t.same(
    rows.map(([name, , interrupt]) => [unquoted(name!), keys[interrupt!]]),
    builtInRules.map(({ name, interrupt }) => [name, interrupt]),
  )
  for (const [name, commands] of rows.map(([name, by]) => [unquoted(name!), by!] as const)) {
    const rules = builtInRules.find(rules => rules.name === name)
    for (const [, word] of commands.matchAll(/`([^`\s]+)`/g))
      t.ok(
        [...(rules?.commands ?? []), ...(rules?.packages ?? [])].some(known => known.startsWith(word!)),
        `${name}: ${word}`,
      )
  }
})

t.test('its example of a rules file is valid, and it lists every field', async t => {
  const [example] = blocks(page, 'json')
  t.equal((await parseRules(example!, 'the page')).length, 2)
  const told = tableRows(section('Your own rules')).flatMap(([cell]) =>
    [...cell!.matchAll(/`(\w+)`/g)].map(([, name]) => name),
  )
  t.same(told.sort(), Object.keys(ProgramRules.properties).sort())
})
