//! PartiQL: refused. A statement is text with values in it, and what it touches cannot be sealed.

use aws_sdk_dynamodb::operation::batch_execute_statement::BatchExecuteStatementOutput;
use aws_sdk_dynamodb::operation::batch_execute_statement::builders::BatchExecuteStatementFluentBuilder;
use aws_sdk_dynamodb::operation::execute_statement::ExecuteStatementOutput;
use aws_sdk_dynamodb::operation::execute_statement::builders::ExecuteStatementFluentBuilder;
use aws_sdk_dynamodb::operation::execute_transaction::ExecuteTransactionOutput;
use aws_sdk_dynamodb::operation::execute_transaction::builders::ExecuteTransactionFluentBuilder;
use privet_core::ErrorKind;
use privet_core::protector::Protector;

use super::SendProtected;
use crate::error::{Error, Result};

macro_rules! refused {
    ($($builder:ty => $output:ty, $name:literal);+ $(;)?) => {$(
        /// Always refused.
        impl SendProtected for $builder {
            type Output = $output;

            async fn send_protected(self, _: &Protector) -> Result<$output> {
                Err(Error::new(
                    ErrorKind::Unsupported,
                    concat!(
                        "`", $name, "` cannot be protected: privet does not read PartiQL statements; use the operations on \
                         items, or `.send()` for tables in which nothing is sealed"
                    ),
                ))
            }
        }
    )+};
}

refused! {
    ExecuteStatementFluentBuilder => ExecuteStatementOutput, "ExecuteStatement";
    BatchExecuteStatementFluentBuilder => BatchExecuteStatementOutput, "BatchExecuteStatement";
    ExecuteTransactionFluentBuilder => ExecuteTransactionOutput, "ExecuteTransaction";
}
