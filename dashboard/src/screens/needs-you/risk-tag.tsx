import type { Interaction } from '@fleetwire/protocol'
import { Tag } from '../../ui/chip.tsx'

const looks: Record<Interaction['risk'], { word: string; className: string }> = {
  high: { word: 'High risk', className: 'border-bad! text-bad!' },
  unknown: { word: 'Risk unknown', className: 'border-warn! text-warn!' },
  medium: { word: 'Medium risk', className: 'border-needs! text-needs!' },
  low: { word: 'Low risk', className: '' },
}

export function RiskTag({ risk }: { risk: Interaction['risk'] }) {
  return <Tag className={looks[risk].className}>{looks[risk].word}</Tag>
}
