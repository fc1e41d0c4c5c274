export async function drawPlot(results: unknown, file: string): Promise<void> {
  void results
  void file
}
