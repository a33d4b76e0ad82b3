import { listModules, type Module, readFileOf, readModule, readTests, type TestFile } from './code-reader.ts'

/** How to give an answer: `use` runs a tool call that people see, `say` writes text. */
export interface Answer {
  use<T>(name: string, args: Record<string, unknown>, work: () => Promise<T>): Promise<T>
  /** Markdown. */
  say(text: string): Promise<void>
}

type Give = (question: string, project: string, answer: Answer) => Promise<void>

/** The first matching pattern decides the subject. */
const subjects: [pattern: RegExp, give: Give][] = [
  [/\btest|cover/i, tellOfTests],
  [/long|short|small|big|size|measure/i, tellOfSizes],
  [/what (is|does|are) (in|this|here)|overview|summar|project|modules|readme/i, tellOfProject],
]

/** Answers a question from the files. True if the question was a goodbye. */
export async function answerTo(question: string, project: string, answer: Answer): Promise<boolean> {
  if (/^(thanks|thank you|that is all|bye)/i.test(question)) {
    await answer.say('You are welcome. This conversation ends here; ask again at any time.')
    return true
  }
  const paths = await answer.use('list_files', { folder: 'src' }, () => listModules(project))
  const named = paths.find(
    path =>
      question.toLowerCase().includes(path.slice(4, -3).replace('-', ' ')) || question.includes(path.slice(4, -3)),
  )
  const give = subjects.find(([pattern]) => pattern.test(question))?.[1]
  if (named !== undefined && give !== tellOfTests) await tellOfModule(named, project, answer)
  else await (give ?? tellOfWords)(question, project, answer)
  return false
}

async function read(path: string, project: string, answer: Answer): Promise<Module> {
  return readModule(path, await answer.use('read_file', { path }, () => readFileOf(project, path)))
}

async function readAll(project: string, answer: Answer): Promise<Module[]> {
  const modules: Module[] = []
  for (const path of await listModules(project)) modules.push(await read(path, project, answer))
  return modules
}

async function tellOfProject(_: string, project: string, answer: Answer): Promise<void> {
  const readme = await answer.use('read_file', { path: 'README.md' }, () => readFileOf(project, 'README.md'))
  const modules = await readAll(project, answer)
  const [title = '', first = ''] = readme.split('\n\n')
  const lines = modules.reduce((sum, { lines }) => sum + lines, 0)
  await answer.say(`## ${title.replace('# ', '')}\n\n${first.split('. ')[0]!.replaceAll('\n', ' ')}. `)
  await answer.say(`Together they have ${lines} lines in ${modules.length} modules:\n\n`)
  await answer.say(`| module | lines | offers | summary |\n| --- | ---: | --- | --- |\n`)
  for (const { path, lines, offers } of modules) {
    await answer.say(
      `| \`${path}\` | ${lines} | ${offers.map(({ name }) => `\`${name}\``).join(', ')} | ${firstSentence(offers[0]?.says)} |\n`,
    )
  }
  const shortest = shortestOf(modules)
  await answer.say(`\nThe shortest of all is \`${shortest.name}\`:\n\n\`\`\`js\n${shortest.code}\n\`\`\`\n\n`)
  await answer.say(
    `**Where to begin**\n\n1. \`node test.js\` runs all tests.\n2. \`node test.js csv\` now and then hits a real bug.\n3. Ask me to explain one of the modules.\n`,
  )
}

async function tellOfModule(path: string, project: string, answer: Answer): Promise<void> {
  const module = await read(path, project, answer)
  const tests = await answer.use('search', { text: module.name, folder: 'test' }, () => readTests(project))
  const own = tests.find(({ name }) => name === module.name)
  await answer.say(`## \`${path}\`\n\nA module of ${module.lines} lines. It offers `)
  await answer.say(module.offers.length === 1 ? 'one thing:\n\n' : `${module.offers.length} things:\n\n`)
  for (const { name, says } of module.offers) await answer.say(`- **\`${name}\`** ${says}\n`)
  const shortest = shortestOf([module])
  await answer.say(`\nHere is all of \`${shortest.name}\`:\n\n\`\`\`js\n${shortest.code}\n\`\`\`\n\n`)
  if (own === undefined) await answer.say('Nothing tests it.\n')
  else
    await answer.say(`\`${own.path}\` tests it with ${own.tests.length} tests: ${own.tests.map(spoken).join(', ')}.\n`)
}

async function tellOfTests(_: string, project: string, answer: Answer): Promise<void> {
  const tests = await answer.use('list_tests', { folder: 'test' }, () => readTests(project))
  const total = tests.reduce((sum, { tests }) => sum + tests.length, 0)
  const most = tests.reduce((a, b) => (b.tests.length > a.tests.length ? b : a))
  await answer.say(`## How it is tested\n\n${total} tests in ${tests.length} files; \`${most.path}\` has the most.\n\n`)
  await answer.say('| file | tests | what they say |\n| --- | ---: | --- |\n')
  for (const { path, tests: names } of tests)
    await answer.say(`| \`${path}\` | ${names.length} | ${names.map(spoken).join(', ')} |\n`)
  const random = await withRandomValues(tests, project, answer)
  await answer.say(
    `\nThese also try random values, which a seed reproduces:\n\n${random.map(name => `- ${name}`).join('\n')}\n\n`,
  )
  await answer.say('So one run may find what the last one did not:\n\n```sh\nnode test.js --seed 7\n```\n')
}

async function withRandomValues(tests: TestFile[], project: string, answer: Answer): Promise<string[]> {
  const found = await answer.use('search', { text: 'random =>', folder: 'test' }, async () => {
    const texts = await Promise.all(tests.map(({ path }) => readFileOf(project, path)))
    return texts.map(text => text.includes('random =>'))
  })
  return tests.filter((_, i) => found[i]).map(({ path }) => `\`${path}\``)
}

async function tellOfSizes(_: string, project: string, answer: Answer): Promise<void> {
  const modules = await readAll(project, answer)
  const offers = modules.flatMap(({ path, offers }) => offers.map(offered => ({ path, ...offered })))
  const bySize = offers.toSorted((a, b) => linesOf(b.code) - linesOf(a.code))
  const longest = bySize[0]!
  await answer.say(
    `## Long and short\n\nThe longest is **\`${longest.name}\`** in \`${longest.path}\`, with ${linesOf(longest.code)} lines. From longest to shortest:\n\n`,
  )
  for (const [i, { name, path, code }] of bySize.entries())
    await answer.say(`${i + 1}. \`${name}\` (${path}): ${linesOf(code)} lines\n`)
  await answer.say(`\n\`\`\`js\n${longest.code}\n\`\`\`\n\n> ${firstSentence(longest.says)}\n`)
}

/** Answers any other question: shows where its words occur in the files. */
async function tellOfWords(question: string, project: string, answer: Answer): Promise<void> {
  const words = [...new Set(question.toLowerCase().match(/[\p{L}\p{N}_]{4,}/gu) ?? [])].slice(0, 8)
  const paths = ['README.md', ...(await listModules(project))]
  const found = await answer.use('search', { words, in: paths.length }, async () => {
    const texts = await Promise.all(paths.map(path => readFileOf(project, path)))
    return texts.flatMap((text, i) =>
      text.split('\n').flatMap((line, n) => {
        const has = words.some(word => line.toLowerCase().includes(word))
        return has ? [{ path: paths[i]!, line: n + 1, text: line.trim().slice(0, 80) }] : []
      }),
    )
  })
  await answer.say('I am a small program without a language model, so I can only report what is in the files here. ')
  if (found.length === 0) await answer.say('None of your words appears in them.\n\n')
  else {
    await answer.say(`Your words appear in ${found.length} lines; the first of them:\n\n`)
    for (const { path, line, text } of found.slice(0, 5))
      await answer.say(`- \`${path}:${line}\` \`${text.replaceAll('`', "'")}\`\n`)
    await answer.say('\n')
  }
  await answer.say(
    'Ask me, for example:\n\n- What is in this project?\n- Explain the lru cache\n- How is it tested?\n- Which function is the longest?\n',
  )
}

const shortestOf = (modules: Module[]) =>
  modules.flatMap(({ offers }) => offers).reduce((a, b) => (b.code.length < a.code.length ? b : a))
const linesOf = (code: string): number => code.split('\n').length
const firstSentence = (text = ''): string => /^.*?\.(?=\s|$)/.exec(text)?.[0] ?? text
/** `everyNumber` becomes `every number`. */
const spoken = (name: string): string => name.replaceAll(/[A-Z]/g, letter => ` ${letter.toLowerCase()}`)
