interface Node<T> {
  children: Map<string, Node<T>>
  /** Values of patterns that end at this token. */
  here: Set<T>
  /** Values of patterns that end with `>` after this token. */
  rest: Set<T>
}

const newNode = <T>(): Node<T> => ({ children: new Map(), here: new Set(), rest: new Set() })

/** A trie of the tokens of patterns: finding those that match a topic costs its length, not their number. */
export class PatternTrie<T> {
  readonly #root = newNode<T>()

  add(pattern: string, value: T): void {
    const { tokens, endsInRest } = parse(pattern)
    let node = this.#root
    for (const token of tokens) {
      let next = node.children.get(token)
      if (next === undefined) {
        next = newNode()
        node.children.set(token, next)
      }
      node = next
    }
    ;(endsInRest ? node.rest : node.here).add(value)
  }

  /** Also removes empty nodes, since patterns with ids of sessions and commands come and go without end. */
  delete(pattern: string, value: T): void {
    const { tokens, endsInRest } = parse(pattern)
    remove(this.#root, tokens, endsInRest, value)
  }

  /** Adds the values of all patterns that match the topic to `found`. `onlyRest`: only of those that end with `>`. */
  collect(topic: string, found: Set<T>, onlyRest = false): void {
    walk(this.#root, topic.split('.'), 0, found, onlyRest)
  }
}

function parse(pattern: string): { tokens: string[]; endsInRest: boolean } {
  const tokens = pattern.split('.')
  const endsInRest = tokens.at(-1) === '>'
  return { tokens: endsInRest ? tokens.slice(0, -1) : tokens, endsInRest }
}

function walk<T>(node: Node<T>, topic: readonly string[], at: number, found: Set<T>, onlyRest: boolean): void {
  if (at === topic.length) {
    if (!onlyRest) for (const value of node.here) found.add(value)
    return
  }
  for (const value of node.rest) found.add(value)
  const named = node.children.get(topic[at]!)
  if (named !== undefined) walk(named, topic, at + 1, found, onlyRest)
  const any = node.children.get('*')
  if (any !== undefined) walk(any, topic, at + 1, found, onlyRest)
}

/** Returns true if the node is now empty, so that its parent can drop it. */
function remove<T>(node: Node<T>, tokens: readonly string[], endsInRest: boolean, value: T): boolean {
  const [token, ...others] = tokens
  if (token === undefined) (endsInRest ? node.rest : node.here).delete(value)
  else {
    const child = node.children.get(token)
    if (child !== undefined && remove(child, others, endsInRest, value)) node.children.delete(token)
  }
  return node.children.size === 0 && node.here.size === 0 && node.rest.size === 0
}
