import { readdir } from 'node:fs/promises'
import { parseArgs } from 'node:util'

// Runs the tests in test/, or only those named in the arguments, and exits with 1 if one failed.

const { values, positionals } = parseArgs({
  options: { seed: { type: 'string' }, pace: { type: 'string', default: '0' } },
  allowPositionals: true,
})
const seed = values.seed === undefined ? Math.floor(Math.random() * 100_000) : Number(values.seed)
const pause = () => new Promise(resolve => setTimeout(resolve, Number(values.pace)))

const isColoured = process.stdout.isTTY
const colour = code => text => (isColoured ? `\u001b[${code}m${text}\u001b[0m` : text)
const [red, green, dim, bold] = [31, 32, 2, 1].map(colour)

/** Reproducible random numbers from a seed (mulberry32). */
function randomFrom(start) {
  let state = start
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296
  }
}

const all = (await readdir(new URL('test/', import.meta.url))).map(file => file.replace('.js', '')).sort()
const unknown = positionals.filter(name => !all.includes(name))
if (unknown.length > 0) {
  process.stderr.write(`There are no tests of ${unknown.join(', ')}; there are: ${all.join(', ')}\n`)
  process.exit(2)
}
const names = positionals.length > 0 ? positionals : all
/** `randomTables` becomes `random tables`. */
const spoken = name => name.replaceAll(/[A-Z]/g, letter => ` ${letter.toLowerCase()}`)
const suites = await Promise.all(names.map(async name => [name, Object.entries(await import(`./test/${name}.js`))]))
const total = suites.reduce((sum, [, tests]) => sum + tests.length, 0)
const started = performance.now()
const failures = []
let done = 0

process.stdout.write(`${bold('tidbits')} ${total} tests of ${names.join(', ')} ${dim(`seed ${seed}`)}\n\n`)
for (const [suite, tests] of suites) {
  for (const [name, test] of tests) {
    const from = performance.now()
    let flaw
    try {
      await test(randomFrom(seed))
    } catch (error) {
      flaw = error
      failures.push({ suite, name, error })
    }
    done++
    const mark = flaw === undefined ? green('✓') : red('✗')
    const count = dim(`${String(done).padStart(String(total).length)}/${total}`)
    process.stdout.write(
      `${count} ${mark} ${suite}: ${spoken(name)} ${dim(`${(performance.now() - from).toFixed(1)} ms`)}\n`,
    )
    await pause()
  }
}

for (const { suite, name, error } of failures) {
  process.stdout.write(`\n${red('✗')} ${bold(`${suite}: ${spoken(name)}`)}\n${error.message.replaceAll(/^/gm, '  ')}\n`)
  process.stdout.write(dim(`  again: node test.js ${suite} --seed ${seed}\n`))
}
const took = ((performance.now() - started) / 1000).toFixed(1)
const passed = total - failures.length
const verdict = failures.length === 0 ? green(`${passed} passed`) : red(`${failures.length} failed, ${passed} passed`)
process.stdout.write(`\n${verdict} in ${took} s\n`)
process.exitCode = failures.length === 0 ? 0 : 1
