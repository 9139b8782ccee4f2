// Streams as many bytes as the event says.
exports.handler = awslambda.streamifyResponse(async (event, stream) => {
  const piece = Buffer.alloc(64 << 10);
  stream.write(piece.subarray(0, 1));
  for (let left = event.size; left > 0; left -= piece.length) {
    if (!stream.write(piece.subarray(0, left))) {
      await new Promise((resolve) => stream.once("drain", resolve));
    }
  }
  stream.end();
});
