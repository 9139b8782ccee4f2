// The function of the npm package's client.
exports.handler = async (event, context) => {
  switch (event.op) {
    case "echo":
      return event.value;
    case "env":
      return process.env[event.name] ?? null;
    case "print":
      process.stdout.write(event.text + "\n");
      return null;
    case "context":
      return { id: context.awsRequestId, arn: context.invokedFunctionArn };
    case "raise":
      throw new Error(event.message);
    case "exit":
      process.exit(event.code);
  }
  throw new Error(`unknown op ${event.op}`);
};
