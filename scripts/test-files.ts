import { existsSync, readdirSync, readFileSync } from 'node:fs'

/** Test files, by how they share the machine. A list of files is run by one process. */
export interface TestPlan {
  /** One at a time, beside the others: a browser takes a core and more by itself. */
  browser: string[][]
  sideBySide: string[][]
  /** At the end, with little beside them: they measure how a server bears load. */
  quiet: string[][]
}

/** What takes long begins first, so that nobody waits for it at the end. */
const LONG = ['dist/test/race/', 'dist/test/e2e/', 'dist/test/attack/', 'dist/test/realtime/', 'dist/test/src/cli/']
const BROWSER = 'dist/test/browser/'
/** What changes its process for good, or looks at all of it: timers, the garbage collector, a DOM, the time a file may take. */
const OF_THE_PROCESS =
  /node:test|getActiveResourcesInfo|expose-gc|happy-dom|\bprocess\.(?:on(?:ce)?|chdir|exit)\(|\bprocess\.env\.\w+ = |^t\.(?:setTimeout|teardown|before|after|beforeEach|afterEach)\(/m
const MEASURES = /\.delay\(\)|monitorEventLoopDelay/
/** Many enough to share what it costs to start, few enough to be spread evenly. */
const IN_ONE_PROCESS = { long: 3, short: 12 }

const testsIn = (root: string, folder: string): string[] =>
  readdirSync(`${root}${folder}`, { recursive: true, encoding: 'utf8' })
    .filter(path => path.endsWith('.test.js') && !path.includes('node_modules'))
    .map(path => `${folder}/${path}`)
    .filter(file => sourceOf(file).some(source => existsSync(`${root}${source}`)))

/** A file that was built before its source went away is no test any more. */
function sourceOf(file: string): string[] {
  const source = file
    .replace(/^dist\//, '')
    .replace('/dist/', '/src/')
    .slice(0, -'.js'.length)
  return [`${source}.ts`, `${source}.tsx`]
}

/** The built test files whose path contains one of `parts`, which may be paths of sources; all where none are given. */
export function findTests(root: string, parts: string[]): string[] {
  const packages = readdirSync(`${root}packages`).map(name => `packages/${name}/dist`)
  const files = ['dist/test', 'dashboard/dist', ...packages].flatMap(folder => testsIn(root, folder)).sort()
  const asBuilt = parts.map(part =>
    part.replace(/\.tsx?$/, '.js').replace(/^(packages\/\w+|dashboard)\/src\//, '$1/dist/'),
  )
  return asBuilt.length === 0 ? files : files.filter(file => asBuilt.some(part => file.includes(part)))
}

export function planTests(root: string, files: string[], atOnce: number): TestPlan {
  const plan: TestPlan = { browser: [], sideBySide: [], quiet: [] }
  const own: string[] = []
  const long: string[] = []
  const short: string[] = []
  for (const file of files) {
    const text = readFileSync(`${root}${file}`, 'utf8')
    if (file.startsWith(BROWSER)) plan.browser.push([file])
    else if (MEASURES.test(text)) plan.quiet.push([file])
    else if (OF_THE_PROCESS.test(text)) own.push(file)
    else if (LONG.some(folder => file.startsWith(folder))) long.push(file)
    else short.push(file)
  }
  plan.sideBySide = [
    ...own.map(file => [file]),
    ...dealt(long, IN_ONE_PROCESS.long, atOnce),
    ...dealt(short, IN_ONE_PROCESS.short, atOnce),
  ]
  return plan
}

/** Dealt out one by one, since files of a folder take about as long as each other; few are spread over what may run at once. */
function dealt(files: string[], most: number, atOnce: number): string[][] {
  const groups = Math.max(Math.ceil(files.length / most), Math.min(files.length, atOnce))
  return Array.from({ length: groups }, (_, group) => files.filter((_, i) => i % groups === group))
}
