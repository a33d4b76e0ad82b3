/** A control sequence (CSI). The prefix and the intermediate are bytes, or 0 if there is none. */
export interface ControlSequence {
  prefix: number
  intermediate: number
  /** Its first number, or 0. */
  first: number
  final: number
}

const REPORTS = new Set([11, 13, 14, 15, 16, 18, 19, 20, 21])

/**
 * By prefix, intermediate and final byte: for which first numbers a terminal answers. See XTerm Control Sequences
 * (ctlseqs).
 */
const QUERIES: [name: string, asks: (first: number) => boolean][] = [
  // Who are you: DA1, DA2, DA3, XTVERSION, DECREQTPARM.
  ['c', first => first === 0],
  ['>c', first => first === 0],
  ['=c', first => first === 0],
  ['>q', first => first === 0],
  ['x', first => first <= 1],
  // How are you, and where is the cursor: DSR, CPR and their private kin.
  ['n', first => first === 5 || first === 6],
  ['?n', () => true],
  // Which mode is set: DECRQM, kitty keyboard, XTQMODKEYS.
  ['$p', () => true],
  ['?$p', () => true],
  ['?u', () => true],
  ['?m', () => true],
  // How large are you, and what do you show: XTWINOPS, XTSMGRAPHICS, DECRQPSR, DECRQTSR, DECRQCRA.
  ['t', first => REPORTS.has(first)],
  ['?S', () => true],
  ['$w', () => true],
  ['$u', () => true],
  ['*y', () => true],
]

const byBytes = new Map(QUERIES.map(([name, asks]) => [keyOf(...bytesOf(name)), asks]))

/** Whether the terminal types an answer to this sequence. */
export function isQuery({ prefix, intermediate, first, final }: ControlSequence): boolean {
  return byBytes.get(keyOf(prefix, intermediate, final))?.(first) ?? false
}

function keyOf(prefix: number, intermediate: number, final: number): number {
  return (prefix << 16) | (intermediate << 8) | final
}

function bytesOf(name: string): [prefix: number, intermediate: number, final: number] {
  const bytes = [...name].map(character => character.charCodeAt(0))
  const between = (low: number, high: number) => bytes.slice(0, -1).find(byte => byte >= low && byte <= high) ?? 0
  return [between(0x3c, 0x3f), between(0x20, 0x2f), bytes.at(-1)!]
}
