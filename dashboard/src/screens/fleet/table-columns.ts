/** The columns of the table, shared by its header and its rows. */
export const tableColumns =
  'grid gap-4 grid-cols-[minmax(0,1fr)_130px] tablet:grid-cols-[minmax(140px,1fr)_140px_minmax(140px,1.4fr)_110px_60px_60px] desktop:grid-cols-[minmax(160px,1fr)_150px_minmax(160px,1.3fr)_minmax(140px,1.5fr)_110px_50px_60px_60px]'
