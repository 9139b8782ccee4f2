//! The function of the lambda_runtime package.

use lambda_runtime::{run, service_fn, Error, LambdaEvent};
use serde_json::{json, Value};

async fn handle(e: LambdaEvent<Value>) -> Result<Value, Error> {
    let (event, context) = e.into_parts();
    let text = |name: &str| event[name].as_str().unwrap_or_default().to_owned();
    match text("op").as_str() {
        "echo" => Ok(event["value"].clone()),
        "env" => Ok(json!(std::env::var(text("name")).ok())),
        "print" => {
            println!("{}", text("text"));
            Ok(Value::Null)
        }
        "context" => Ok(json!({"id": context.request_id, "arn": context.invoked_function_arn})),
        "raise" => Err(text("message").into()),
        "exit" => std::process::exit(event["code"].as_i64().unwrap_or_default() as i32),
        op => Err(format!("unknown op {op}").into()),
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    run(service_fn(handle)).await
}
