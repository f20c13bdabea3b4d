select customer, sum(amount) as total {{ var('more', '') }} from {{ ref('orders') }} group by customer
