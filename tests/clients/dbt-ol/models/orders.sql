{{ config(materialized=var('orders', 'table')) }}
select id, customer, amount from {{ ref('raw_orders') }}
