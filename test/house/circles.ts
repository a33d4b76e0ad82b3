/** The import graph: edges lead from each node to the nodes that it imports. */
export type Graph = ReadonlyMap<string, ReadonlySet<string>>

/** The graph of groups: `groupOf` names the group of a node. Imports within a group are no edges. */
export function grouped(graph: Graph, groupOf: (node: string) => string): Graph {
  const groups = new Map<string, Set<string>>()
  for (const [node, imports] of graph) {
    const from = groupOf(node)
    const edges = groups.get(from) ?? new Set()
    groups.set(from, edges)
    for (const imported of imports) if (groupOf(imported) !== from) edges.add(groupOf(imported))
  }
  return groups
}

/** The sets of nodes that reach each other: Tarjan's strongly connected components of more than one node, each sorted. */
export function circles(graph: Graph): string[][] {
  const found: string[][] = []
  const order = new Map<string, number>()
  const lowest = new Map<string, number>()
  const path: string[] = []
  const visit = (node: string): void => {
    order.set(node, order.size)
    lowest.set(node, order.get(node)!)
    path.push(node)
    for (const next of graph.get(node) ?? []) {
      if (!order.has(next)) visit(next)
      if (path.includes(next)) lowest.set(node, Math.min(lowest.get(node)!, lowest.get(next)!))
    }
    if (lowest.get(node) !== order.get(node)) return
    const component = path.splice(path.indexOf(node)).sort()
    if (component.length > 1) found.push(component)
  }
  for (const node of graph.keys()) if (!order.has(node)) visit(node)
  return found.sort()
}
