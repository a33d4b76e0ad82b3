import { join } from 'node:path'
import t from 'tap'
import { builtInRules } from '../../../../src/wrap/judge/built-in-rules.ts'
import { loadRules, parseRules, RulesError } from '../../../../src/wrap/judge/load-rules.ts'
import { programOf } from '../../../../src/wrap/judge/program-of.ts'
import { compileRules } from '../../../../src/wrap/judge/screen-reading.ts'

const named = { name: 'mine', commands: ['my-agent'] }

t.test('a file adds programs, and changes fields of built-in ones', async t => {
  const programs = [
    { ...named, idle: ['^ready$', { cursorLine: '^» $' }], interrupt: ['escape', 'ctrl-c'], quietMs: 500 },
    { name: 'codex', interrupt: ['ctrl-c'] },
  ]
  const folder = t.testdir({ 'rules.json': `\uFEFF${JSON.stringify({ programs })}` })
  const rules = await loadRules(join(folder, 'rules.json'))
  t.equal(rules.length, builtInRules.length + 1)
  t.equal(programOf(['my-agent'], rules)?.quietMs, 500)
  const builtIn = builtInRules.find(({ name }) => name === 'codex')
  t.same(programOf(['codex'], rules), { ...builtIn, interrupt: ['ctrl-c'] })
})

t.test('an optional file may be missing, a requested one may not', async t => {
  const missing = join(t.testdir(), 'none.json')
  t.equal(await loadRules(missing, { mayBeMissing: true }), builtInRules)
  await t.rejects(loadRules(missing), { message: `There is no file ${missing}.` })
  await t.rejects(loadRules(t.testdir()), /cannot be read: EISDIR/)
})

t.test('a mistake is reported with its place and what would be right', async t => {
  const cases: [rules: unknown, message: RegExp | string][] = [
    ['{', /^r is not JSON: /],
    [[], /^r: the file: expected object/],
    [{}, 'r: programs is required'],
    [{ programs: [{}] }, 'r: programs.0.name is required'],
    [{ programs: [named, { name: 'A' }] }, /^r: programs\.1\.name \(of "A"\): .*Lower-case letters, digits and -/],
    [{ programs: [{ ...named, idel: [] }] }, 'r: programs.0.idel (of "mine") is not a field of these rules'],
    [{ programs: [{ ...named, idle: '>' }] }, /^r: programs\.0\.idle \(of "mine"\): expected array/],
    [{ programs: [{ ...named, idle: [1] }] }, /^r: programs\.0\.idle\.0 \(of "mine"\) must be a regular expression/],
    [
      { programs: [{ ...named, interrupt: ['esc'] }] },
      /^r: programs\.0\.interrupt\.0 .* must be one of "enter", .*"escape"/,
    ],
    [
      { programs: [{ ...named, submit: { paste: 'yes' } }] },
      /submit\.paste .* must be one of "auto", "bracketed", "plain"/,
    ],
    [{ programs: [{ ...named, quietMs: 1 }] }, /quietMs .*greater or equal to 100.*Silence/],
    [{ programs: [{ ...named, otherwise: 'idle' }] }, /otherwise/],
    [
      { programs: [{ ...named, waiting: ['ok', '('] }] },
      /^r: programs\.0 \("mine"\), waiting\.1: .*Unterminated group/,
    ],
    [{ programs: [{ ...named, idle: [{ cursorLine: 'a*' }] }] }, /idle\.0: \/a\*\/ matches an empty screen/],
  ]
  for (const [rules, message] of cases) {
    const text = typeof rules === 'string' ? rules : JSON.stringify(rules)
    await t.rejects(parseRules(text, 'r'), { constructor: RulesError, message }, text)
  }
  await t.rejects(parseRules(' '.repeat(2 ** 21), 'r'), /larger than/)
})

t.test('the built-in rules have the format of such a file', async t => {
  const rules = await parseRules(JSON.stringify({ programs: builtInRules }), 'built in')
  t.same(rules, builtInRules)
  for (const row of rules) t.doesNotThrow(() => compileRules(row))
  t.equal(new Set(rules.map(({ name }) => name)).size, rules.length)
})
