# What people make around a function, and what they change of it.

terraform {
  required_providers { aws = { source = "hashicorp/aws" } }
}

variable "endpoint" { type = string }
variable "folder" { type = string }
variable "runtime" { type = string }
variable "changed" {
  type    = bool
  default = false
}

provider "aws" {
  region     = "us-east-1"
  access_key = "test"
  secret_key = "test"
  endpoints {
    lambda = var.endpoint
    iam    = var.endpoint
    logs   = var.endpoint
    sts    = var.endpoint
  }
  default_tags { tags = { suite = "lambent" } }
}

data "aws_caller_identity" "me" {}

data "aws_iam_policy_document" "trust" {
  statement {
    actions = ["sts:AssumeRole"]
    principals {
      type        = "Service"
      identifiers = ["lambda.amazonaws.com"]
    }
  }
}

resource "aws_iam_role" "worker" {
  name               = "worker"
  path               = "/service/"
  description        = var.changed ? "changed" : "runs the worker"
  assume_role_policy = data.aws_iam_policy_document.trust.json
  tags               = { team = var.changed ? "red" : "blue" }
}

resource "aws_iam_role_policy" "read" {
  name = "read"
  role = aws_iam_role.worker.id
  policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Effect = "Allow", Action = var.changed ? ["s3:GetObject", "s3:ListBucket"] : ["s3:GetObject"], Resource = "*" }]
  })
}

resource "aws_iam_role_policy_attachment" "basic" {
  role       = aws_iam_role.worker.name
  policy_arn = "arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole"
}

data "aws_iam_policy" "xray" { name = "AWSXRayDaemonWriteAccess" }

resource "aws_iam_policy" "own" {
  name        = "own"
  description = "own"
  policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Effect = "Allow", Action = var.changed ? "sqs:*" : "sqs:SendMessage", Resource = "*" }]
  })
}

resource "aws_iam_role_policy_attachment" "own" {
  role       = aws_iam_role.worker.name
  policy_arn = aws_iam_policy.own.arn
}

resource "aws_cloudwatch_log_group" "worker" {
  name              = "/aws/lambda/worker"
  retention_in_days = var.changed ? 14 : 7
  tags              = { team = var.changed ? "red" : "blue" }
}

resource "aws_lambda_layer_version" "shared" {
  layer_name          = "shared"
  filename            = "${var.folder}/layer.zip"
  compatible_runtimes = [var.runtime]
}

resource "aws_lambda_layer_version_permission" "shared" {
  layer_name     = aws_lambda_layer_version.shared.layer_name
  version_number = aws_lambda_layer_version.shared.version
  statement_id   = "all"
  action         = "lambda:GetLayerVersion"
  principal      = "*"
}

resource "aws_lambda_code_signing_config" "signing" {
  description = var.changed ? "changed" : "warn"
  allowed_publishers {
    signing_profile_version_arns = ["arn:aws:signer:us-east-1:111111111111:/signing-profiles/mine/abcdefghij"]
  }
  policies { untrusted_artifact_on_deployment = "Warn" }
}

resource "aws_lambda_function" "worker" {
  function_name                  = "worker"
  role                           = aws_iam_role.worker.arn
  runtime                        = var.runtime
  handler                        = "app.handler"
  filename                       = "${var.folder}/${var.changed ? "two" : "one"}.zip"
  source_code_hash               = filebase64sha256("${var.folder}/${var.changed ? "two" : "one"}.zip")
  memory_size                    = var.changed ? 256 : 128
  timeout                        = 10
  publish                        = true
  layers                         = [aws_lambda_layer_version.shared.arn]
  code_signing_config_arn        = aws_lambda_code_signing_config.signing.arn
  reserved_concurrent_executions = var.changed ? 6 : 5
  environment { variables = { COLOUR = var.changed ? "red" : "blue" } }
  tracing_config { mode = "PassThrough" }
  ephemeral_storage { size = 512 }
  logging_config {
    # Left out, levels make a function that publishes change with every plan, on AWS too.
    log_format            = "JSON"
    application_log_level = "INFO"
    system_log_level      = var.changed ? "DEBUG" : "INFO"
    log_group             = aws_cloudwatch_log_group.worker.name
  }
  tags       = { team = var.changed ? "red" : "blue" }
  depends_on = [aws_iam_role_policy_attachment.basic]
}

resource "aws_lambda_alias" "live" {
  name             = "live"
  function_name    = aws_lambda_function.worker.function_name
  function_version = "1"
  dynamic "routing_config" {
    for_each = var.changed ? [0.25] : []
    content { additional_version_weights = { "2" = routing_config.value } }
  }
}

resource "aws_lambda_alias" "steady" {
  name             = "steady"
  function_name    = aws_lambda_function.worker.function_name
  function_version = aws_lambda_function.worker.version
}

resource "aws_lambda_permission" "s3" {
  statement_id   = "s3"
  action         = "lambda:InvokeFunction"
  function_name  = aws_lambda_function.worker.function_name
  qualifier      = aws_lambda_alias.live.name
  principal      = "s3.amazonaws.com"
  source_arn     = "arn:aws:s3:::bucket"
  source_account = data.aws_caller_identity.me.account_id
}

resource "aws_lambda_function_url" "live" {
  function_name      = aws_lambda_function.worker.function_name
  qualifier          = aws_lambda_alias.live.name
  authorization_type = "NONE"
  invoke_mode        = var.changed ? "RESPONSE_STREAM" : "BUFFERED"
  cors {
    allow_origins = ["https://example.com"]
    max_age       = var.changed ? 60 : 30
  }
}

resource "aws_lambda_function_event_invoke_config" "live" {
  function_name                = aws_lambda_function.worker.function_name
  qualifier                    = aws_lambda_alias.live.name
  maximum_event_age_in_seconds = var.changed ? 120 : 60
  maximum_retry_attempts       = 1
}

resource "aws_lambda_provisioned_concurrency_config" "steady" {
  function_name                     = aws_lambda_function.worker.function_name
  qualifier                         = aws_lambda_alias.steady.name
  provisioned_concurrent_executions = var.changed ? 2 : 1
}

resource "aws_lambda_event_source_mapping" "queue" {
  event_source_arn = "arn:aws:sqs:us-east-1:${data.aws_caller_identity.me.account_id}:queue"
  function_name    = aws_lambda_function.worker.arn
  batch_size       = var.changed ? 5 : 10
  enabled          = false
}
