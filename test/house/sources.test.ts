import t from 'tap'
import { files, read, sources } from './repository.ts'

const domain =
  /new (?:AgentRegistry|AgentSessions?|BatchService|CommandQueue|Interaction(?:Effects|Ledger|Service)|SessionService)\(/

interface Rule {
  what: string
  pattern: RegExp
  /** Paths, or prefixes of paths, to which the rule does not apply. */
  but: string[]
  /** Default: files that run in production. */
  among?: readonly string[]
}

// The files in this folder contain these patterns.
const tests = files.filter(file => file.endsWith('.test.ts') && !file.startsWith('test/house/'))

/** Patterns that are allowed in a few places only, so that they can be replaced or found. */
const rules: Rule[] = [
  {
    what: 'the time comes from the Clock, so that tests can control it',
    pattern: /(?<![.\w#])(?:setTimeout|setInterval)\(|\bDate\.now\(|\bnew Date\(\)|\bperformance\.now\(/,
    but: ['src/clock.ts', 'packages/client/src/clock.ts', 'src/cli/', 'dashboard/', 'bench/', 'examples/', 'scripts/'],
  },
  {
    what: 'the environment is read only where a process starts',
    pattern: /\bprocess\.env\b/,
    but: [
      'src/server.ts',
      'src/cli/',
      'src/exec/',
      'packages/client/src/node/',
      'packages/client/src/examples/',
      'dashboard/',
      'bench/',
      'examples/',
      'scripts/',
    ],
  },
  {
    what: 'the process is ended only where it was started',
    pattern: /\bprocess\.exit\b/,
    but: ['src/cli/', 'bench/', 'examples/'],
  },
  { what: 'the domain is wired in one place', pattern: domain, but: ['src/fleet.ts', 'src/agents/agent-sessions.ts'] },
  {
    what: 'refusals have one wording',
    pattern: /cannot accept (?:writes )?now|status: 'refused', error\b|'not_found', `There is no \w+ "/,
    but: ['src/outcome.ts', 'packages/protocol/src/error-codes.ts'],
  },
  {
    what: 'a test waits for an event or a condition, and never for a fixed time',
    pattern: /\bsetTimeout\((?:resolve|done)|setTimeout as \w+ \}|\?wait=0/,
    among: tests,
    // Load, jitter, kills and slow readers need real delays.
    but: [
      'test/attack/floods',
      'test/attack/fuzz',
      'test/attack/slow-snapshot',
      'test/e2e/kill-loop',
      'test/realtime/',
      'test/routes/commands', // Tests how long `wait` waits.
    ],
  },
  {
    what: 'a test asserts on time or memory only where it measures them',
    pattern: /\bperformance\.now\(|\bhrtime\b|\bmemoryUsage\b|Date\.now\(\) - (?:start|begin|before|at)/,
    among: tests,
    but: [
      'test/attack/floods',
      'test/attack/terminals',
      'test/realtime/jitter', // Has its own schedule.
      'test/cluster/node-apart', // An isolated node reports it within seconds.
      'test/routes/ws/limits', // How much the rate limit has admitted so far.
      'test/browser/working', // Two people see a change at the same time.
      'test/src/cli/agent-token', // How long a token must be valid on this machine.
    ],
  },
  { what: 'the sources contain no TODO or similar mark', pattern: /\b(?:TODO|FIXME|XXX|HACK)\b/, but: [] },
]

/** The lines of a file that match. Few files have any, so the whole text is tested first. */
const linesWith = (pattern: RegExp, file: string) =>
  !pattern.test(read(file))
    ? []
    : read(file)
        .split('\n')
        .map((line, i) => ({ line, at: `${file}:${i + 1}` }))
        .filter(({ line }) => pattern.test(line))

for (const { what, pattern, but, among = sources } of rules) {
  t.test(what, async t => {
    const found = among
      .filter(file => !but.some(place => file.startsWith(place)))
      .flatMap(file => linesWith(pattern, file))
      .filter(({ line }) => !/^\s*(?:\*|\/\/|\/\*)/.test(line))
    t.same(
      found.map(({ at, line }) => `${at}: ${line.trim()}`),
      [],
    )
  })
}

t.test('no test wires the domain by hand', async t => {
  const found = files.filter(file => /^test\/.*\.ts$/.test(file) && domain.test(read(file)))
  t.same(found, [], 'use createFleet instead, as test/helpers/fleet.ts does')
})

// Assembled here, so that this file does not contain what it searches for.
const places = ['home', 'root', 'work', 'tmp/wt', 'Users'].map(place => `/${place}/`)
const lockedAt = `"${'resolved'}": "`
const registries = ['registry', 'npm', 'artifactory', 'nexus', 'verdaccio'].join('|')
const ofOneMachine = new RegExp(
  `(?<![\\w.*)\\]}:/-])(?:${places.join('|')})|https?://[^/\\s"']*\\b(?:${registries})\\b[^/\\s"']*[/"']|${lockedAt}(?!packages/)`,
)

t.test('no file names a folder or registry of one machine', async t => {
  t.match(`cd ${places[0]}ada`, ofOneMachine)
  t.match(`"${places[3]}x"`, ofOneMachine)
  t.match(`${lockedAt}https:`, ofOneMachine)
  t.notMatch(`GET /api${places[2]}`, ofOneMachine)
  const found = files.flatMap(file => linesWith(ofOneMachine, file))
  t.same(
    found.map(({ line, at }) => `${at}: ${line.trim().slice(0, 120)}`),
    [],
  )
})
