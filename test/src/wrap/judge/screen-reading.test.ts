import t from 'tap'
import { builtInRules } from '../../../../src/wrap/judge/built-in-rules.ts'
import { compileRules, readScreen } from '../../../../src/wrap/judge/screen-reading.ts'
import { screens, viewOf } from './screens.ts'

const rulesOf = (name: string) => compileRules(builtInRules.find(rules => rules.name === name)!)

for (const { program, what, shows, detail, screen } of screens) {
  t.test(`${program}: ${what} is ${shows ?? 'nothing that the rules know'}`, async t => {
    const reading = readScreen(rulesOf(program), viewOf(screen))
    t.equal(reading?.work, shows)
    t.equal(reading?.detail, detail)
  })
}

t.test('every built-in program has a screen of each kind that its rules name', async t => {
  for (const { name, waiting, working, idle } of builtInRules) {
    const shown = new Set(screens.filter(({ program }) => program === name).map(({ shows }) => shows))
    for (const [kind, patterns] of Object.entries({ waiting, working, idle }))
      if (patterns !== undefined) t.ok(shown.has(kind as 'idle'), `${name} ${kind}`)
  }
})

t.test('text that scrolled away does not count, and neither do blank lines at the end', async t => {
  const rules = rulesOf('claude-code')
  const question = screens.find(({ shows, program }) => shows === 'waiting' && program === 'claude-code')!
  const later = Array.from({ length: 60 }, (_, i) => `line ${i}`)
  t.equal(readScreen(rules, { lines: [...viewOf(question.screen).lines, ...later] }), undefined)
  t.equal(readScreen(rules, { lines: [...viewOf(question.screen).lines, ...later.map(() => '   ')] })?.work, 'waiting')
})

t.test('no screen takes a pattern long, however long its lines', async t => {
  const hostile = [
    'Do you want '.repeat(5_000),
    '?\n'.repeat(50),
    ' '.repeat(100_000),
    `${'│ '.repeat(3_000)}❯`,
    '[y/n'.repeat(20_000),
    'Password'.repeat(10_000),
    'esc '.repeat(20_000),
  ]
  for (const rules of builtInRules.map(compileRules)) {
    for (const text of hostile) readScreen(rules, { lines: Array.from({ length: 60 }, () => text) })
  }
  t.pass('matching ends')
})
