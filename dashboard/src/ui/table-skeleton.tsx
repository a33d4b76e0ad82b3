import { Loading, SkeletonLine } from './states.tsx'

export function TableSkeleton() {
  return (
    <Loading>
      <div className="flex flex-col gap-6 px-5 py-4">
        {[70, 52, 64, 40, 58, 46].map(width => (
          <SkeletonLine key={width} className="max-w-full" />
        ))}
      </div>
    </Loading>
  )
}
