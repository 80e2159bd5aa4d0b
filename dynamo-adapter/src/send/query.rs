//! Query and Scan.

use aws_sdk_dynamodb::operation::query::QueryOutput;
use aws_sdk_dynamodb::operation::query::builders::QueryFluentBuilder;
use aws_sdk_dynamodb::operation::scan::ScanOutput;
use aws_sdk_dynamodb::operation::scan::builders::ScanFluentBuilder;
use aws_sdk_dynamodb::types::Select;
use privet_core::protector::Protector;

use super::{Reading, Scope, SendProtected};
use crate::check;
use crate::error::{Error, Result};
use crate::expression::Placeholders;

impl SendProtected for QueryFluentBuilder {
    type Output = QueryOutput;

    async fn send_protected(self, privet: &Protector) -> Result<QueryOutput> {
        query(&Scope::new(privet), self).await
    }
}

impl SendProtected for ScanFluentBuilder {
    type Output = ScanOutput;

    async fn send_protected(self, privet: &Protector) -> Result<ScanOutput> {
        scan(&Scope::new(privet), self).await
    }
}

pub(crate) async fn query(scope: &Scope<'_>, mut query: QueryFluentBuilder) -> Result<QueryOutput> {
    let resource = scope.resource(query.get_table_name().as_deref())?;
    check::no_legacy("AttributesToGet", query.get_attributes_to_get().is_some(), "ProjectionExpression")?;
    check::legacy(&resource, "KeyConditions", check::filtered(query.get_key_conditions().as_ref()))?;
    check::legacy(&resource, "QueryFilter", check::filtered(query.get_query_filter().as_ref()))?;
    let placeholders = Placeholders::new(
        query.get_expression_attribute_names().as_ref(),
        query.get_expression_attribute_values().as_ref(),
    );
    let conditions = [query.get_key_condition_expression().as_deref(), query.get_filter_expression().as_deref()];
    let mut reading =
        Reading::new(&resource, query.get_projection_expression().as_deref(), &conditions, &placeholders)?;
    if let Some(anew) = reading.anew.take() {
        let [key, filter] = <[_; 2]>::try_from(anew.conditions).unwrap_or_default();
        let select = query.get_select().clone().filter(|select| anew.projection.is_some() || *select == Select::Count);
        query = query
            .set_key_condition_expression(key)
            .set_filter_expression(filter)
            .set_projection_expression(anew.projection)
            .set_select(select)
            .set_expression_attribute_names(anew.names)
            .set_expression_attribute_values(anew.values);
    }
    let mut output = query.send().await.map_err(|error| Error::from_sdk("Query", &error))?;
    output.items = reading.open_all(scope, &resource, output.items.take()).await?;
    Ok(output)
}

pub(crate) async fn scan(scope: &Scope<'_>, mut scan: ScanFluentBuilder) -> Result<ScanOutput> {
    let resource = scope.resource(scan.get_table_name().as_deref())?;
    check::no_legacy("AttributesToGet", scan.get_attributes_to_get().is_some(), "ProjectionExpression")?;
    check::legacy(&resource, "ScanFilter", check::filtered(scan.get_scan_filter().as_ref()))?;
    let placeholders = Placeholders::new(
        scan.get_expression_attribute_names().as_ref(),
        scan.get_expression_attribute_values().as_ref(),
    );
    let conditions = [scan.get_filter_expression().as_deref()];
    let mut reading = Reading::new(&resource, scan.get_projection_expression().as_deref(), &conditions, &placeholders)?;
    if let Some(anew) = reading.anew.take() {
        let [filter] = <[_; 1]>::try_from(anew.conditions).unwrap_or_default();
        let select = scan.get_select().clone().filter(|select| anew.projection.is_some() || *select == Select::Count);
        scan = scan
            .set_filter_expression(filter)
            .set_projection_expression(anew.projection)
            .set_select(select)
            .set_expression_attribute_names(anew.names)
            .set_expression_attribute_values(anew.values);
    }
    let mut output = scan.send().await.map_err(|error| Error::from_sdk("Scan", &error))?;
    output.items = reading.open_all(scope, &resource, output.items.take()).await?;
    Ok(output)
}
