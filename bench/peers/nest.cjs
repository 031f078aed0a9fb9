// SPDX-License-Identifier: Apache-2.0
// The ads as seed 004's author would serve them: Nest on Fastify, MikroORM's entities, a service behind a controller. In
// plain JavaScript: decorators are called by hand. Prints its port; ends with its standard input.
require('reflect-metadata');
const { Controller, Get, Injectable, Module, NotFoundException, Param, Req, UnauthorizedException, UseGuards } = require('@nestjs/common');
const { NestFactory } = require('@nestjs/core');
const { FastifyAdapter } = require('@nestjs/platform-fastify');
const { EntitySchema } = require('@mikro-orm/core');
const { MikroOrmModule } = require('@mikro-orm/nestjs');
const { EntityManager, PostgreSqlDriver } = require('@mikro-orm/postgresql');
const jwt = require('jsonwebtoken');

const bigint = { type: 'bigint', nullable: true };
const text = { type: 'text', nullable: true };
const Ad = new EntitySchema({
  name: 'Ad',
  tableName: 'ads',
  properties: {
    company_id: { type: 'bigint', primary: true },
    id: { type: 'bigint', primary: true },
    campaign_id: { type: 'bigint' },
    name: { type: 'text' },
    image_url: text,
    target_url: text,
    impressions_count: bigint,
    clicks_count: bigint,
    created_at: { type: 'datetime' },
    updated_at: { type: 'datetime' },
  },
});

const decorate = (decorators, target, key) =>
  decorators.forEach((d) => (key ? d(target.prototype, key, Object.getOwnPropertyDescriptor(target.prototype, key)) : d(target)));

class TenantGuard {
  canActivate(context) {
    const request = context.switchToHttp().getRequest();
    try {
      const token = (request.headers.authorization || '').replace(/^Bearer /, '');
      request.company = jwt.verify(token, process.env.PEER_SECRET, { algorithms: ['HS256'] }).tenant;
      return true;
    } catch {
      throw new UnauthorizedException();
    }
  }
}
decorate([Injectable()], TenantGuard);

class AdsService {
  constructor(em) {
    this.em = em;
  }
  list(fields, company) {
    return this.em.find('Ad', { company_id: company }, { fields, orderBy: { id: 'asc' }, limit: 100 });
  }
  findOne(company, id) {
    return this.em.findOne('Ad', { company_id: company, id });
  }
}
decorate([Injectable()], AdsService);
Reflect.defineMetadata('design:paramtypes', [EntityManager], AdsService);

class AdsController {
  constructor(ads) {
    this.ads = ads;
  }
  async list(request) {
    const { LIST_COLUMNS } = await import('./common.mjs');
    return this.ads.list(LIST_COLUMNS, request.company);
  }
  async findOne(request, id) {
    const ad = await this.ads.findOne(request.company, id);
    if (!ad) throw new NotFoundException();
    return ad;
  }
}
Reflect.defineMetadata('design:paramtypes', [AdsService], AdsController);
decorate([Controller('ads'), UseGuards(TenantGuard)], AdsController);
decorate([Get()], AdsController, 'list');
decorate([Get(':id')], AdsController, 'findOne');
Req()(AdsController.prototype, 'list', 0);
Req()(AdsController.prototype, 'findOne', 0);
Param('id')(AdsController.prototype, 'findOne', 1);

class AppModule {}
decorate(
  [
    Module({
      imports: [
        MikroOrmModule.forRoot({
          driver: PostgreSqlDriver,
          host: process.env.PGHOST,
          port: Number(process.env.PGPORT),
          user: process.env.PGUSER,
          password: process.env.PGPASSWORD,
          dbName: process.env.PGDATABASE,
          entities: [Ad],
          pool: { min: 0, max: Number(process.env.PEER_CONNECTIONS) },
          discovery: { disableDynamicFileAccess: true, warnWhenNoEntities: false },
        }),
      ],
      controllers: [AdsController],
      providers: [AdsService],
    }),
  ],
  AppModule,
);

(async () => {
  const app = await NestFactory.create(AppModule, new FastifyAdapter(), { logger: ['error', 'warn'] });
  await app.listen(0, '127.0.0.1');
  console.log(app.getHttpServer().address().port);
  process.stdin.on('end', () => process.exit()).resume();
})();
