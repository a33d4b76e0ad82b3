import type { Option } from 'commander'

/**
 * Inserts a `--` before the words of the input, so that their dashes belong to the command: `send local --wait ls -la`.
 * Options of `send` come before the words. If there are none, options at the very end count too (`send local ls
 * --wait`). After a `--` everything is a word.
 *
 * @param args what follows `send`
 * @param options the options of `send` itself
 */
export function sendArguments(args: readonly string[], options: readonly Option[]): string[] {
  let at = 0
  let operands = 0
  for (; at < args.length; at++) {
    if (args[at] === '--') return [...args]
    const length = optionLength(args, at, options)
    if (length > 0) at += length - 1
    else if (args[at]!.startsWith('-') && args[at] !== '-') return [...args]
    else if (++operands === 2) break
  }
  const agentAndOptions = args.slice(0, at)
  const words = args.slice(at)
  if (words.length === 0) return [...args]
  const ownOptions = at > 1 ? [] : optionsAtEnd(words, options)
  return [...agentAndOptions, ...ownOptions, '--', ...words.slice(0, words.length - ownOptions.length)]
}

/** How many arguments the `send` option at this position spans, including itself; 0 if there is none. */
function optionLength(args: readonly string[], at: number, options: readonly Option[]): number {
  const [name = '', value] = args[at]!.split('=', 2)
  const option = options.find(({ long, short }) => name === long || name === short)
  if (option === undefined) return 0
  return option.required && value === undefined ? 2 : 1
}

/** The longest run of options that reaches the end and leaves at least one word before it. */
function optionsAtEnd(words: readonly string[], options: readonly Option[]): string[] {
  for (let from = 1; from < words.length; from++) {
    let at = from
    for (let length = 1; length > 0 && at < words.length; at += length) length = optionLength(words, at, options)
    if (at === words.length && optionLength(words, from, options) > 0) return words.slice(from)
  }
  return []
}
